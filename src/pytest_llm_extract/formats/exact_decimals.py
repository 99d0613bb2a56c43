"""Read and write JSON numbers with more digits than a float holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

# jiter would read a record in half the time (10 instead of 18 µs for 20 numbers), with a Decimal for every number. It
# replaces little of this: nothing writes them again, and pydantic makes floats of an answer's numbers by itself.
ReadNumber = Callable[[str], float | Decimal]
# Every digit and point as 0: sixteen in a row may be a number that a float cannot hold.
_DIGITS, _LONG_NUMBER = bytes.maketrans(b"0123456789.", b"0" * 11), b"0" * 16
_SHORT = 17  # characters: a number with a point or an exponent that has fewer is held by a float
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?', re.DOTALL)
_MARK = "\ue000exact number "  # JSON text has no other way in for a number that Python cannot write
_MARKED = re.compile(r'"\\ue000exact number ([-+.0-9E]+)"')


def has_long_number(text: str | bytes) -> bool:
    """A quick check whether a string may hold such a number."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return _LONG_NUMBER in data.translate(_DIGITS)


def read_number(literal: str) -> float | Decimal:
    """Read a JSON number with a point or an exponent: a float if that is exact, else a Decimal."""
    number = float(literal)
    if len(literal) < _SHORT or not math.isfinite(number):
        return number
    exact = _decimal(literal)
    return number if exact is None or exact == Decimal(repr(number)) else exact


def exact_text(value: Any) -> str:
    """The JSON text of what was read with `read_number`, with every digit of its numbers."""
    return _MARKED.sub(r"\1", _JSON.encode(value))


def tell_apart(text: bytes) -> tuple[bytes, Mapping[Decimal, Decimal]]:
    """JSON text for a parser that knows floats only, and what it was before by what is read then.

    In the text every long number is read as a value that no other number in it, nor a number in a string, is read as:
    mostly the float next to it, where that is taken another one close by.
    """
    characters = text.decode("latin-1")  # whatever it is: numbers are ASCII, and the rest stays as it is
    tokens = set(_TOKEN.findall(characters))
    long = {token: exact for token in tokens if (exact := _misread(token)) is not None}
    if not long:
        return text, {}
    short = {_decimal(token.strip('"')) for token in tokens - long.keys()}
    read_as: dict[str, str] = {}
    written: dict[Decimal, Decimal] = {}
    for token in sorted(long):
        number, exact = float(token), long[token]
        while (read := _read_by_pydantic(repr(number))) in short or written.setdefault(read, exact) != exact:
            number = math.nextafter(number, math.inf if abs(number) < 1 else 0.0)
        read_as[token] = repr(number)
    return _TOKEN.sub(lambda match: read_as.get(match[0], match[0]), characters).encode("latin-1"), written


def _misread(token: str) -> Decimal | None:
    """The number that a token is, where pydantic reads another one."""
    if token[0] == '"' or token.lstrip("-").isdigit() or len(token) < _SHORT or not math.isfinite(float(token)):
        return None
    exact = _decimal(token)
    return None if exact is None or exact == _read_by_pydantic(token) else exact


def _read_by_pydantic(token: str) -> Decimal:
    """A float as Rust writes it: of two shortest texts that are equally near, it is not always Python's."""
    read: Decimal = _decimal_validator().validate_json(token)
    return read


@cache
def _decimal_validator() -> SchemaValidator:
    from pydantic_core import SchemaValidator

    return SchemaValidator({"type": "decimal"})


def _decimal(literal: str) -> Decimal | None:
    try:
        number = Decimal(literal)
    except InvalidOperation:  # no number, or an exponent of twenty digits
        return None
    return number if number.is_finite() else None


_JSON = json.JSONEncoder(default=lambda number: f"{_MARK}{number}")
