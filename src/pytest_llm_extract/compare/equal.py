"""When two values of a leaf are the same, and when one is none."""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from pytest_llm_extract.schema import MISSING, Unreadable


def normal_text(text: str) -> str:
    """NFC, stripped, white space collapsed; case and punctuation count."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_null(value: Any, optional: bool) -> bool:
    """Whether a leaf has no value; where it may be absent, "", [] and {} say the same as null."""
    if value is None or value is MISSING:
        return True
    if not optional:
        return False
    return (isinstance(value, str) and not value.strip()) or (isinstance(value, list | dict) and not value)


def same(gold: Any, predicted: Any) -> bool:
    """Whether two values are equal under the default comparator of their type."""
    if isinstance(gold, Unreadable) or isinstance(predicted, Unreadable):
        return False
    gold, predicted = _plain(gold), _plain(predicted)
    if isinstance(gold, str) and isinstance(predicted, str):
        return normal_text(gold) == normal_text(predicted)
    if isinstance(gold, bool) or isinstance(predicted, bool):
        return gold is predicted
    if isinstance(gold, float) or isinstance(predicted, float):
        return _same_float(gold, predicted)
    if isinstance(gold, dict) and isinstance(predicted, dict):
        return gold.keys() == predicted.keys() and all(same(gold[key], predicted[key]) for key in gold)
    if isinstance(gold, list | tuple) and isinstance(predicted, list | tuple):
        return len(gold) == len(predicted) and all(map(same, gold, predicted))
    if isinstance(gold, datetime) is not isinstance(predicted, datetime):
        return False
    return bool(gold == predicted)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _same_float(gold: Any, predicted: Any) -> bool:
    if not isinstance(gold, int | float | Decimal) or not isinstance(predicted, int | float | Decimal):
        return False
    a, b = float(gold), float(predicted)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))
