"""Near misses explained: the cheapest rule under which a wrong value would have matched. Outcomes stay as they are."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any
from unicodedata import category

from pydantic import BaseModel

from pytest_llm_extract.rules.comparators import AnyOf, Text
from pytest_llm_extract.schema.validators import Unreadable
from pytest_llm_extract.scoring.compare.amounts import Amount, read_amount, same_currency
from pytest_llm_extract.scoring.compare.comparators import NO_KEY, default_key, same
from pytest_llm_extract.scoring.compare.dates import read_date, same_date
from pytest_llm_extract.scoring.compare.texts import MAX_LENGTH, folded, normal_text

_FOLDS = [
    (combination, Text(**dict.fromkeys(combination, True)))
    for size in (1, 2, 3, 4)
    for combination in combinations(("casefold", "punctuation", "accents", "spaces"), size)
]
_OF_FIGURES = {"punctuation", "spaces"}  # what may tell one number from another
_EVERY_FOLD = _FOLDS[-1][1]
_ORDERS = ((None, "date"), ("DMY", "date:DMY"))
_LOCALES = (("en_US", "number"), ("de_DE", "number:de_DE"))
# Reading a date costs more than all the rest: only texts that have a year's digits, or a month's name, are tried.
_DATE_LIKE = re.compile(
    r"\d{1,4}\s*[-/. ]\s*\d{1,2}\s*[-/. ,]\s*\d{2,4}|\b\d{8}\b|\d.*[a-z]{3}|[a-z]{3}.*\d", re.IGNORECASE | re.DOTALL
)
_WITH_UNIT = re.compile(r"(?:[^\d.,+-]*?)\s*([-+(]?\d[\d.,'\s]*\)?)\s*(?:[^\d]*)")
_SHORTEST = 3  # characters of a string that says something when it is somewhere else

Parents = tuple[Any, Any]


def near_miss(path: str, gold: Any, predicted: Any, parents: Parents | None) -> str | None:
    """What would have matched: `casefold`, `punctuation`, `accents`, `spaces` (joined by +), `date`, `number`, `unit`,
    `containment` or `sibling:<field>`; `other_number` where both are numbers, and different ones; None when nothing
    cheap explains it. A rule is named only where both sides mean the same under every reading that is known here.

    `date:DMY` and `number:de_DE` say which order or locale; a value that the schema could not read has `unread:` before
    it. `parents` are gold's and the prediction's model around the leaf.
    """
    if isinstance(gold, AnyOf):
        hints = (near_miss(path, value, predicted, parents) for value in gold.values if value is not None)
        return next((hint for hint in hints if hint), None)
    hint = None
    if isinstance(predicted, Unreadable):
        written = gold.isoformat() if isinstance(gold, date) else str(gold)
        of_text = _text_hint(written, predicted.value) if isinstance(predicted.value, str) else None
        hint = f"unread:{of_text}" if of_text else None
    elif isinstance(gold, str) and isinstance(predicted, str):
        hint = _text_hint(gold, predicted)
    return hint or _sibling(path.rsplit(".", 1)[-1], gold, parents)


def _text_hint(gold: str, predicted: str) -> str | None:
    # Dates and numbers go before punctuation, which tells 1.5 from 15.
    alike = folded(gold, _EVERY_FOLD) == folded(predicted, _EVERY_FOLD)
    digits = _has_digits(gold) and _has_digits(predicted)
    return (
        (alike and _folded_hint(gold, predicted, set()))
        or (digits and (_date_hint(gold, predicted) or _number_hint(gold, predicted)))
        or (digits and _are_other_numbers(gold, predicted) and "other_number")
        or (alike and _folded_hint(gold, predicted, _without_meaning(gold, predicted)))
        or (digits and _unit_hint(gold, predicted))
        or (_contains(gold, predicted) and "containment")
        or None
    )


def _has_digits(text: str) -> bool:
    return len(text) <= MAX_LENGTH and any(map(str.isdigit, text))


def _without_meaning(gold: str, predicted: str) -> set[str]:
    """What can be left out of two texts without making two figures one."""
    if not any(map(str.isdigit, gold + predicted)):
        return _OF_FIGURES
    ignored = {"punctuation"} if _same_figures(gold, predicted) else set()
    one, other = (re.findall(r"\d+", text) for text in (gold, predicted))
    return ignored | ({"spaces"} if one == other else set())


def _folded_hint(gold: str, predicted: str, left_out: set[str]) -> str | None:
    """The smallest fold under which two texts are the same; of what figures consist of, only `left_out` is folded."""
    for combination, rule in _FOLDS:
        if _OF_FIGURES.intersection(combination) <= left_out and folded(gold, rule) == folded(predicted, rule):
            return "+".join(combination)
    return None


def _date_hint(gold: str, predicted: str) -> str | None:
    if not _DATE_LIKE.search(gold) or not _DATE_LIKE.search(predicted):
        return None
    hints = (hint for order, hint in _ORDERS if same_date(read_date(gold, order), read_date(predicted, order)))
    return next(hints, None)


def _number_hint(gold: str, predicted: str) -> str | None:
    """The first locale in which both are numbers, if it reads the same one."""
    for locale, hint in _LOCALES:
        one, other = read_amount(gold, locale), read_amount(predicted, locale)
        if one is not None and other is not None and _are_comparable(one, other):
            return hint if one.number == other.number else None
    return None


def _are_comparable(one: Amount, other: Amount) -> bool:
    """Whether both name no currency, or one that may be the same."""
    return (one.currency is None) is (other.currency is None) and same_currency(one.currency, other.currency)


def _number(text: str, locale: str) -> Decimal | None:
    """Read a string as a number, a percentage as its hundredth part; None where a currency is beside it."""
    amount = read_amount(text, locale)
    return None if amount is None or amount.currency else amount.number


def _are_other_numbers(gold: str, predicted: str) -> bool:
    """Whether both are numbers, and the same in no locale."""
    one, other = (
        {number for locale, _ in _LOCALES if (number := _number(text, locale)) is not None}
        for text in (gold, predicted)
    )
    return bool(one and other) and not one & other


def _same_figures(gold: str, predicted: str) -> bool:
    """Whether every word with a digit is on both sides: its sign, point, bracket and dash may be what it means."""
    one, other = (
        [word.rstrip(".,;:!?").lstrip(";:!?") for word in normal_text(text).split() if any(map(str.isdigit, word))]
        for text in (gold, predicted)
    )
    return one == other


def _unit_hint(gold: str, predicted: str) -> str | None:
    bare = [_WITH_UNIT.fullmatch(normal_text(text)) for text in (gold, predicted)]
    if bare[0] is None or bare[1] is None:
        return None
    units = ["".join((normal_text(text)[: m.start(1)] + normal_text(text)[m.end(1) :]).split()) for text, m in zip(
        (gold, predicted), bare, strict=True) if m is not None]  # fmt: skip
    if units[0] == units[1]:
        return None  # only spaced in another way, as a code may be
    if any(sign == "*" or category(sign) == "Sm" for sign in "".join(units)):
        return None  # `<5` says something else than 5, as `~5` and `±5` do
    return "unit" if _number_hint(bare[0][1].strip(), bare[1][1].strip()) else None


def _contains(gold: str, predicted: str) -> bool:
    one, other = (normal_text(text).casefold() for text in (gold, predicted))
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _SHORTEST and f" {shorter} " in f" {longer} "


def _sibling(name: str, gold: Any, parents: Parents | None) -> str | None:
    """The field beside it that holds gold's value, where gold has another one."""
    if parents is None or not _telling(gold):
        return None
    around, beside = parents
    if not isinstance(beside, BaseModel):
        return None
    key = default_key(gold)
    for other in type(beside).model_fields:
        value = None if other == name else getattr(beside, other, None)
        if value is None or (key is not NO_KEY and default_key(value) != key):
            continue
        if same(gold, value) and not same(value, getattr(around, other, None)):
            return f"sibling:{other}"
    return None


def _telling(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.strip()) >= _SHORTEST
    return isinstance(value, int | float | Decimal | date) and not isinstance(value, bool) and value not in (0, 1)
