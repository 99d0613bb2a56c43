"""When two values of a leaf are the same, and when one is none: rules become functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, cast

from pydantic import BaseModel

from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.rules.comparators import (
    Aliases,
    AnyOf,
    Comparison,
    DateText,
    Null,
    NumberText,
    Rule,
    Text,
    Tolerance,
)
from pytest_llm_extract.schema.field_tree import LeafNode
from pytest_llm_extract.schema.validators import MISSING, Unreadable
from pytest_llm_extract.scoring.compare.amounts import read_amount, same_currency
from pytest_llm_extract.scoring.compare.dates import read_date, same_date
from pytest_llm_extract.scoring.compare.texts import folded, normal_text

NO_KEY = object()  # stands for a value that has no key: only comparing tells
_LONG_TEXT = 100_000  # characters, from which words are counted instead of characters compared
_EXACT = frozenset({str, int, float, bool, date, Decimal})  # two of one such type are the same if Python says so


class Comparator(NamedTuple):
    """How the values of one leaf compare.

    `same(gold, predicted)` decides. `key` gives values that are equal exactly when `same` holds, or NO_KEY. Neither
    sees a null. `is_ours` is False for a project's own function, of which nothing is known.
    """

    same: Comparison
    key: Callable[[Any], Hashable]
    is_null: Callable[[Any], bool]
    is_ours: bool = True


def comparator_of(node: LeafNode) -> Comparator:
    """The comparator that a leaf's rules ask for."""
    compare, key = _comparison(node.rule)
    both = _same_by_default if compare is same else partial(_same_as_any, compare)
    return Comparator(both, key, _null_test(node), node.rule is None or isinstance(node.rule, Rule))


def is_empty(value: Any) -> bool:
    """Whether it is null, absent, "", [] or {}."""
    if value is None or value is MISSING:
        return True
    if type(value) is str:
        return not value or value.isspace() or (not value.isascii() and not normal_text(value))
    return type(value) in (list, dict) and not value


def is_absent(value: Any) -> bool:
    """Whether it is null or absent."""
    return value is None or value is MISSING


def may_be_null(gold: Any, is_null: Callable[[Any], bool]) -> bool:
    """Whether null is one of several right answers."""
    return isinstance(gold, AnyOf) and any(map(is_null, gold.values))


def same(gold: Any, predicted: Any) -> bool:
    """Whether two values are equal under the default comparator of their type."""
    if type(gold) is str and type(predicted) is str:
        return gold == predicted or normal_text(gold) == normal_text(predicted)
    gold, predicted = _plain(gold), _plain(predicted)
    if isinstance(gold, str) and isinstance(predicted, str):
        return normal_text(gold) == normal_text(predicted)
    if isinstance(gold, bool) or isinstance(predicted, bool):
        return gold is predicted
    if isinstance(gold, float) or isinstance(predicted, float):
        return _same_float(gold, predicted)
    if isinstance(gold, dict) and isinstance(predicted, dict):
        gold, predicted = by_normal_key(gold), by_normal_key(predicted)
        return gold.keys() == predicted.keys() and all(same(gold[key], predicted[key]) for key in gold)
    if isinstance(gold, list | tuple) and isinstance(predicted, list | tuple):
        return len(gold) == len(predicted) and all(map(same, gold, predicted))
    if isinstance(gold, BaseModel):  # in a union with something else; what gold does not set is not compared
        names = gold.model_fields_set if type(gold) is type(predicted) else None
        return names is not None and all(same(getattr(gold, name), getattr(predicted, name)) for name in names)
    if is_dataclass(gold) and type(gold) is type(predicted):
        return all(same(getattr(gold, field.name), getattr(predicted, field.name)) for field in fields(gold))
    if isinstance(gold, Decimal) and isinstance(predicted, Decimal) and gold.is_nan():
        return predicted.is_nan()
    if isinstance(gold, datetime) is not isinstance(predicted, datetime):
        return False
    return bool(gold == predicted)


def default_key(value: Any) -> Hashable:
    """A key of the default comparator; floats and containers have none."""
    kind = type(value)
    if kind is str:
        return " ".join(value.split()) if value.isascii() else normal_text(value)
    if kind is int:
        return kind, value
    value = _plain(value)
    if isinstance(value, str):
        return normal_text(value)
    if isinstance(value, bool):
        return bool, value
    if isinstance(value, Decimal):
        return (int, value) if value.is_finite() else (Decimal, str(value))
    if isinstance(value, int):
        return int, value
    if isinstance(value, Unreadable):
        return Unreadable, id(value)  # the same as nothing else
    if isinstance(value, float | AnyOf | tuple | BaseModel):
        return NO_KEY
    try:
        hash(value)
    except TypeError:
        return NO_KEY
    return cast(Hashable, value)


def by_normal_key(value: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A dict by its keys as text compares: NFC, without white space around; as it is, where two would be one."""
    if all(not isinstance(key, str) or key == normal_text(key) for key in value):
        return value
    normal = {normal_text(key) if isinstance(key, str) else key: item for key, item in value.items()}
    return normal if len(normal) == len(value) else value


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _same_float(gold: Any, predicted: Any) -> bool:
    if not isinstance(gold, int | float | Decimal) or not isinstance(predicted, int | float | Decimal):
        return False
    try:
        a, b = float(gold), float(predicted)
    except OverflowError:
        return bool(gold == predicted)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    # Relative to the larger one: small numbers differ too. Beside zero, where nothing is relatively close, absolute.
    limit = 1e-9 * max(abs(a), abs(b)) if a and b else 1e-9
    return a == b or (math.isfinite(a - b) and abs(a - b) <= limit)


def _same_by_default(gold: Any, predicted: Any) -> bool:
    """`same` for whatever gold holds; the most frequent types go first."""
    kind = type(gold)
    if kind is type(predicted) and kind in _EXACT and gold == predicted:
        return True
    return _same_as_any(same, gold, predicted)


def _same_as_any(same: Comparison, gold: Any, predicted: Any) -> bool:
    if isinstance(predicted, Unreadable) or isinstance(gold, Unreadable):
        return False
    if isinstance(gold, AnyOf):
        return any(value is not None and same(value, predicted) for value in gold.values)
    return same(gold, predicted)


def _null_test(node: LeafNode) -> Callable[[Any], bool]:
    if node.null is not None:
        # How text is read holds for the names of null; how far numbers may be apart does not.
        compare = _comparison(node.rule)[0] if isinstance(node.rule, Text | Aliases) else same
        return partial(_is_named_null, node.null, compare)
    return is_empty if node.optional else is_absent


def _is_named_null(rule: Null, compare: Comparison, value: Any) -> bool:
    return is_absent(value) or any(compare(named, value) for named in rule.values)


def _comparison(rule: Rule | Comparison | None) -> tuple[Comparison, Callable[[Any], Hashable]]:
    match rule:
        case None:
            return same, default_key
        case Text(min_ratio=None):
            return _by_key(partial(folded, rule=rule))
        case Text():
            return partial(_same_ratio, rule), _no_key
        case Aliases():
            read = partial(folded, rule=Text(casefold=rule.casefold))
            names = {read(text): name for name, others in rule.values for text in (name, *others)}
            return _by_key(lambda text: names.get(read(text), read(text)))
        case NumberText():
            return partial(_same_amount, rule), partial(_amount_key, rule)
        case DateText():
            return partial(_same_date_text, rule), _no_key
        case Tolerance():
            return partial(_within, rule), _no_key
        case _:
            return partial(_by_function, cast(Comparison, rule)), _no_key


def _by_function(function: Comparison, gold: Any, predicted: Any) -> bool:
    """What a project's own function says.

    Raises:
        UsageError: neither that they are the same nor that they are not, but a similarity, say.
    """
    answer = function(gold, predicted)
    # numpy's booleans are no bool, and fine.
    if type(answer).__name__ not in ("bool", "bool_"):
        name = getattr(function, "__qualname__", repr(function))
        raise UsageError(f"compare: {name}", f"must return True or False for two values, got {answer!r}")
    return bool(answer)


def _no_key(value: Any) -> Hashable:
    return NO_KEY


def _by_key(read: Callable[[str], Hashable]) -> tuple[Comparison, Callable[[Any], Hashable]]:
    """Texts compare by what is read from them; values of another type as they do by default."""

    def same_reading(gold: Any, predicted: Any) -> bool:
        if isinstance(gold, str) and isinstance(predicted, str):
            return gold == predicted or read(gold) == read(predicted)
        return same(gold, predicted)

    def key(value: Any) -> Hashable:
        return read(value) if isinstance(value, str) else default_key(value)

    return same_reading, key


def _same_amount(rule: NumberText, gold: Any, predicted: Any) -> bool:
    if not isinstance(gold, str) or not isinstance(predicted, str):
        return same(gold, predicted)
    one, other = (read_amount(text, rule.locale) for text in (gold, predicted))
    if one is None or other is None:
        return normal_text(gold) == normal_text(predicted)
    if not same_currency(one.currency, other.currency):
        return False
    tolerance = rule.tolerance
    near = isinstance(tolerance, Tolerance) and _within(tolerance, one.number, other.number)
    return near or one.number == other.number


def _amount_key(rule: NumberText, value: Any) -> Hashable:
    """A key of what is the same as nothing but itself: a currency is the same as none, and not as another."""
    if not isinstance(value, str):
        return default_key(value)
    amount = read_amount(value, rule.locale)
    if amount is None:
        return normal_text(value)
    return (int, amount.number) if amount.currency is None and rule.tolerance is None else NO_KEY


def _same_ratio(rule: Text, gold: Any, predicted: Any) -> bool:
    from rapidfuzz.distance import Indel

    if not isinstance(gold, str) or not isinstance(predicted, str):
        return same(gold, predicted)
    assert rule.min_ratio is not None  # _comparison matched it
    one, other, least = folded(gold, rule), folded(predicted, rule), float(rule.min_ratio)
    if max(len(one), len(other)) > _LONG_TEXT:
        return _shared_words(one, other) >= least
    return Indel.normalized_similarity(one, other) >= least


def _shared_words(one: str, other: str) -> float:
    """The share of words that two long texts have in common, whatever their order: it takes linear time."""
    ours, theirs = Counter(one.split()), Counter(other.split())
    return 2 * (ours & theirs).total() / max(1, ours.total() + theirs.total())


def _same_date_text(rule: DateText, gold: Any, predicted: Any) -> bool:
    if not isinstance(gold, str) or not isinstance(predicted, str):
        return same(gold, predicted)
    if normal_text(gold) == normal_text(predicted):
        return True
    return same_date(read_date(gold, rule.order), read_date(predicted, rule.order))


def _within(rule: Tolerance, gold: Any, predicted: Any) -> bool:
    if not _is_number(gold) or not _is_number(predicted):
        return same(gold, predicted)
    a, b = (Fraction(str(value)) if isinstance(value, float) else Fraction(value) for value in (gold, predicted))
    return abs(a - b) <= max(Fraction(rule.abs), Fraction(rule.rel) * max(abs(a), abs(b)))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return isinstance(value, int) or math.isfinite(value)
