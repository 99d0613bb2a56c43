"""`weights=` of `llm_extract` as written becomes the weights of fields in the composite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.suites.limit_markers import check_field


def read_weights(given: Any, source: str, paths: Collection[str], labelled: Collection[str]) -> dict[str, float]:
    """Weights by field path; a labelled field that is not named has the weight 1, a row path 0.

    Raises:
        LlmExtractError: not a mapping, an unknown field, one that no case labels, or not a number of at least 0.
    """
    source = f"{source}: weights"
    if not isinstance(given, Mapping):
        raise UsageError(source, f"must map field paths to numbers, as {{'vendor': 2}}, got {given!r}")
    for path, weight in given.items():
        check_field(path, source, paths, labelled, "weight")
        is_number = isinstance(weight, int | float | Decimal | Fraction) and not isinstance(weight, bool)
        if not is_number or not isfinite(weight) or weight < 0:
            raise UsageError(source, f"{path}: a weight must be a number of at least 0, got {weight!r}")
    return {path: float(weight) for path, weight in given.items()}
