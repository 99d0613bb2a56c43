"""Read JSON strictly: no repeated name, and on demand no number that would be written differently."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pytest_llm_extract.formats.exact_decimals import ReadNumber


def read_exactly(text: str, is_same: Callable[[float, str], bool]) -> Any:
    """The value of a JSON text; `is_same` says whether a number with a point or an exponent is still what was written.

    Raises:
        ValueError: no JSON, a name that occurs twice, NaN or Infinity, or a number that is not the same.
        RecursionError: too deep.
    """

    def number(literal: str) -> float:
        value = float(literal)
        if not is_same(value, literal):
            raise ValueError(literal)
        return value

    def constant(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_float=number, object_pairs_hook=_unique, parse_constant=constant)


def read_json(text: str, number: ReadNumber = float) -> Any:
    """A JSON text; `number` reads one that has a point or an exponent.

    Raises:
        ValueError: it is none, or an object has a key twice.
    """
    return (_decoder if number is float else decoder_of(number)).decode(text)


def decoder_of(number: ReadNumber) -> json.JSONDecoder:
    """A decoder that refuses an object with a key twice; `number` reads numbers with a point or an exponent."""
    return json.JSONDecoder(object_pairs_hook=_unique, parse_float=number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} is written twice")
    return members


_decoder = decoder_of(float)  # for thousands of rows, the same one
