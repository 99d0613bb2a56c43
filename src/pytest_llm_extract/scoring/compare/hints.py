"""Near misses explained: the cheapest rule under which a wrong value would have matched. Outcomes stay as they are."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

from pydantic import BaseModel

from pytest_llm_extract.rules.comparators import AnyOf, Text
from pytest_llm_extract.schema.validators import Unreadable
from pytest_llm_extract.scoring.compare.comparators import NO_KEY, default_key, same
from pytest_llm_extract.scoring.compare.texts import MAX_LENGTH, folded, normal_text, read_date, read_number, same_date

_FOLDS = [
    (combination, Text(**dict.fromkeys(combination, True)))
    for size in (1, 2, 3)
    for combination in combinations(("casefold", "punctuation", "accents"), size)
]
_EVERY_FOLD = _FOLDS[-1][1]
_ORDERS = ((None, "date"), ("DMY", "date:DMY"))
_LOCALES = (("en_US", "number"), ("de_DE", "number:de_DE"))
# Reading a date costs more than all the rest: only texts that have a year's digits, or a month's name, are tried.
_DATE_LIKE = re.compile(
    r"\d{1,4}\s*[-/. ]\s*\d{1,2}\s*[-/. ,]\s*\d{2,4}|\b\d{8}\b|\d.*[a-z]{3}|[a-z]{3}.*\d", re.IGNORECASE | re.DOTALL
)
_WITH_UNIT = re.compile(r"(?:[^\d.,+-]*?)\s*([-+(]?\d[\d.,'\s]*\)?)\s*(?:[^\d]*)")
_SHORTEST = 3  # characters of a text that says something when it stands somewhere else

Parents = tuple[Any, Any]


def near_miss(path: str, gold: Any, predicted: Any, parents: Parents | None) -> str | None:
    """What would have matched: `casefold`, `punctuation`, `accents` (joined by +), `date`, `number`, `unit`,
    `containment` or `sibling:<field>`; None when nothing cheap explains it.

    `date:DMY` and `number:de_DE` say which order or locale; a value that the schema could not read has `unread:` before
    it. `parents` are gold's and the prediction's model around the leaf.
    """
    if isinstance(gold, AnyOf):
        hints = (near_miss(path, value, predicted, parents) for value in gold.values if value is not None)
        return next((hint for hint in hints if hint), None)
    hint = None
    if isinstance(predicted, Unreadable):
        found = _text_hint(_written(gold), predicted.value) if isinstance(predicted.value, str) else None
        hint = f"unread:{found}" if found else None
    elif isinstance(gold, str) and isinstance(predicted, str):
        hint = _text_hint(gold, predicted)
    return hint or _sibling(path.rsplit(".", 1)[-1], gold, parents)


def _written(gold: Any) -> str:
    return gold.isoformat() if isinstance(gold, date) else str(gold)


def _text_hint(gold: str, predicted: str) -> str | None:
    # Dates and numbers go before punctuation, which tells 1.5 from 15.
    alike = folded(gold, _EVERY_FOLD) == folded(predicted, _EVERY_FOLD)
    digits = _has_digits(gold) and _has_digits(predicted)
    return (
        (alike and _folded_hint(gold, predicted, punctuation=False))
        or (digits and (_date_hint(gold, predicted) or _number_hint(gold, predicted)))
        or (alike and _folded_hint(gold, predicted, punctuation=True))
        or (digits and _unit_hint(gold, predicted))
        or (_contains(gold, predicted) and "containment")
        or None
    )


def _has_digits(text: str) -> bool:
    return len(text) <= MAX_LENGTH and any(map(str.isdigit, text))


def _folded_hint(gold: str, predicted: str, *, punctuation: bool) -> str | None:
    for combination, rule in _FOLDS:
        if rule.punctuation is punctuation and folded(gold, rule) == folded(predicted, rule):
            return "+".join(combination)
    return None


def _date_hint(gold: str, predicted: str) -> str | None:
    if not _DATE_LIKE.search(gold) or not _DATE_LIKE.search(predicted):
        return None
    found = (hint for order, hint in _ORDERS if same_date(read_date(gold, order), read_date(predicted, order)))
    return next(found, None)


def _number_hint(gold: str, predicted: str) -> str | None:
    for locale, hint in _LOCALES:
        number = read_number(gold, locale)
        if number is not None and number == read_number(predicted, locale):
            return hint
    return None


def _unit_hint(gold: str, predicted: str) -> str | None:
    bare = [_WITH_UNIT.fullmatch(normal_text(text)) for text in (gold, predicted)]
    if bare[0] is None or bare[1] is None:
        return None
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
