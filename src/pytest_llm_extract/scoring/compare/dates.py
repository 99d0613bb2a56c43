"""The date that a text is. Nothing here guesses: what holds more or less than one date is not a date."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from functools import lru_cache

MAX_LENGTH = 100  # of a text that is read as a date
_YEAR_FIRST = re.compile(r"\s*\d{4}\D|\s*\d{8}(?!\d)")
# Two dates that differ in every part: what a text does not say comes out differently, and is not a date.
_DEFAULTS = (datetime(2001, 1, 1), datetime(2096, 12, 31))
_MIDNIGHT = re.compile(r"(?<=\d)[T ]00:00(:00(\.0+)?)?(Z|\+00:00)?$")
_CJK = re.compile(r"(\d{2,4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일号]?")
_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_ORDINALS = frozenset({"st", "nd", "rd", "th", "er", "º", "ª"})
_FILLERS = frozenset(
    {"of", "the", "on", "de", "del", "den", "der", "le", "el", "il", "di", "dne", "r", "г", "года", "року"}
)
# Their names of months, wide and short; a name that means two months (listopad) is not read.
_LOCALES = (
    "en", "de", "fr", "es", "it", "nl", "pt", "sv", "da", "nb", "fi", "is", "pl", "cs", "sk", "sl", "hu", "ro", "tr",
    "el", "ru", "uk", "bg", "et", "lv", "lt", "ca",
)  # fmt: skip
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Date = tuple[int, int, int, bool]  # year, month, day, whether the year has two digits only


@lru_cache(maxsize=65536)
def read_date(text: str, order: str | None) -> Date | None:
    """The complete date that a text is; None for anything that holds more or less than that.

    Args:
        text: in digits, or with the month's name in one of the languages that are known here.
        order: how `03/04/2024` reads: `DMY`, `MDY` or `YMD`; None reads the month first.
    """
    if len(text) > MAX_LENGTH or not any(ch.isdigit() for ch in text):
        return None
    plain = _plain(text.strip())
    return None if plain is None else _parse(plain, order)


def same_date(one: Date | None, other: Date | None) -> bool:
    """Whether both are dates and the same; a year of two digits matches any century."""
    if one is None or other is None or one[1:3] != other[1:3]:
        return False
    return one[0] == other[0] if one[3] == other[3] else one[0] % 100 == other[0] % 100


def _plain(text: str) -> str | None:
    """A date as dateutil reads it: an English month, no weekday; None where there are more or fewer than its parts."""
    text = _MIDNIGHT.sub("", text)
    if match := _CJK.fullmatch(text):
        return "-".join(match.groups())
    n_parts, pieces, end = 0, [], 0
    for token in _TOKEN.finditer(text):
        word = token[0].casefold()
        pieces.append(text[end : token.start()])
        end = token.end()
        if word.isdigit():
            n_parts += 3 if len(word) == 8 else 1
            pieces.append(word)
        elif (month := _months().get(word)) is not None:
            n_parts += 1
            pieces.append(_ENGLISH[month - 1])
            end += text.startswith(".", end)  # of an abbreviation
        elif word not in _FILLERS and word not in _ORDINALS and word not in _weekdays():
            return None
    pieces.append(text[end:])
    plain = "".join(pieces).strip(" ,.;")
    return plain if n_parts == 3 and ":" not in plain else None


def _parse(text: str, order: str | None) -> Date | None:
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


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    """The number of a month by its name in any language, without those that mean two."""
    months: dict[str, set[int]] = defaultdict(set)
    for names in _names("months"):
        for number, name in names.items():
            months[name].add(number)
    return {name: min(numbers) for name, numbers in months.items() if len(numbers) == 1}


@lru_cache(maxsize=1)
def _weekdays() -> frozenset[str]:
    """The names of weekdays in any language."""
    return frozenset(name for names in _names("days") for name in names.values())


def _names(what: str) -> list[dict[int, str]]:
    from babel import Locale

    return [
        {number: name.casefold().strip(".") for number, name in by_width.items() if len(name) > 2}
        for locale in map(Locale.parse, _LOCALES)
        for by_context in getattr(locale, what).values()
        for width, by_width in by_context.items()
        if width in ("wide", "abbreviated")
    ]
