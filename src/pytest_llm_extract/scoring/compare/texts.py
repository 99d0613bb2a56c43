"""What a text says: its normal form, the date or the number in it. Nothing here guesses."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from pytest_llm_extract.rules.comparators import Text

# Direction marks, embeddings and isolates, zero-width space, byte order mark: they show nothing and say nothing.
_INVISIBLE = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200E, 0x200F, 0x61C, 0xFEFF])
_YEAR_FIRST = re.compile(r"\s*\d{4}\D|\s*\d{8}(?!\d)")
_BRACKETS = re.compile(r"\((.*)\)", re.DOTALL)
MAX_LENGTH = 100  # of a text that is read as a date or a number
# Two dates that differ in every part: what a text does not say comes out differently, and is no date.
_DEFAULTS = (datetime(2001, 1, 1), datetime(2096, 12, 31))


class _NoPunctuation(dict[int, int | None]):
    """A translation that drops punctuation; each character is looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code))[0] == "P" else code
        return self[code]


_NO_PUNCTUATION = _NoPunctuation()
Date = tuple[int, int, int, bool]  # year, month, day, whether the year has two digits only


def normal_text(text: str) -> str:
    """NFC, invisible marks dropped, stripped, white space collapsed; case and punctuation count."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    return " ".join(text.split())


def folded(text: str, rule: Text) -> str:
    """The normal form without what the rule says does not count; a text of punctuation only stays as it is."""
    text = normal_text(text)
    if rule.accents and not text.isascii():
        bare = (ch for ch in unicodedata.normalize("NFKD", text) if not unicodedata.combining(ch))
        text = unicodedata.normalize("NFC", "".join(bare))
    if rule.casefold:
        text = text.casefold()
    if rule.punctuation:
        text = " ".join(text.translate(_NO_PUNCTUATION).split()) or text
    return text


@lru_cache(maxsize=65536)
def read_date(text: str, order: str | None) -> Date | None:
    """The complete date that a text is; None if it is none, or leaves day, month or year open."""
    if len(text) > MAX_LENGTH or not any(ch.isdigit() for ch in text):
        return None
    from dateutil import parser

    class Parts(parser.parserinfo):  # type: ignore[misc] # dateutil ships no types
        """Leaves two digits of a year as they are: dateutil would choose the century by today's date."""

        short = False

        def convertyear(self, year: int, century_specified: bool = False) -> int:
            """Year as read; what is short becomes a year that `datetime` takes."""
            self.short = self.short or (year < 100 and not century_specified)
            return 2000 + year if self.short else year

    first = bool(_YEAR_FIRST.match(text))
    parts = Parts(dayfirst=order == "DMY" and not first, yearfirst=order == "YMD" or first)
    try:
        one, other = (parser.parse(text, parserinfo=parts, default=day, ignoretz=True).date() for day in _DEFAULTS)
    except (ValueError, ArithmeticError, TypeError):
        return None
    return (one.year % 100 if parts.short else one.year, one.month, one.day, parts.short) if one == other else None


def same_date(one: Date | None, other: Date | None) -> bool:
    """Whether both are dates and the same; a year of two digits matches any century."""
    if one is None or other is None or one[1:3] != other[1:3]:
        return False
    return one[0] == other[0] if one[3] == other[3] else one[0] % 100 == other[0] % 100


@lru_cache(maxsize=65536)
def read_number(text: str, locale: str) -> Decimal | None:
    """The number that a text is in a locale's notation; brackets and a trailing sign are negative signs."""
    from babel.numbers import NumberFormatError, get_group_symbol, parse_decimal

    text = normal_text(text).replace("\N{MINUS SIGN}", "-")
    if len(text) > MAX_LENGTH or not any(ch.isdigit() for ch in text):
        return None
    negative, bracketed = False, _BRACKETS.fullmatch(text)
    if bracketed:
        negative, text = True, bracketed[1].strip()
    elif text.endswith("-"):
        negative, text = True, text[:-1].strip()
    elif text[0] in "+-":
        negative, text = text[0] == "-", text[1:].strip()
    if not text or (not text[0].isdigit() and not (text[0] in ".,٫" and text[1:2].isdigit())):
        return None
    group = get_group_symbol(locale)
    text = re.sub(r"(?<=\d)[\s'’](?=\d{3})", lambda space: _group(space[0], group), text)
    try:
        number = parse_decimal(text, locale=locale, strict=True)
    except (NumberFormatError, InvalidOperation):
        return None
    return -number if negative else number


def _group(written: str, symbol: str) -> str:
    """A space or an apostrophe is typed in more than one way; it separates groups only where the locale says so."""
    alike: Any = str.isspace if written.isspace() else "'’".__contains__
    return symbol if alike(symbol) else written
