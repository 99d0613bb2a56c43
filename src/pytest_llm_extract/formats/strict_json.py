"""JSON that can be written again without changing what it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def read_exactly(text: str, is_same: Callable[[float, str], bool]) -> Any:
    """The value of a JSON text; `is_same` says whether a number with a point or an exponent is still what was written.

    Raises:
        ValueError: no JSON, a name that is there twice, NaN or Infinity, or a number that is not the same.
        RecursionError: too deep.
    """

    def number(literal: str) -> float:
        value = float(literal)
        if not is_same(value, literal):
            raise ValueError(literal)
        return value

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name is there twice")
        return found

    def constant(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_float=number, object_pairs_hook=members, parse_constant=constant)
