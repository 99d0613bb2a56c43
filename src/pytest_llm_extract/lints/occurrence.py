"""Whether a gold value occurs in a document, in one of the notations in which people write it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from rapidfuzz import fuzz

from pytest_llm_extract.rules.comparators import ANY_OF_KEY, Text
from pytest_llm_extract.scoring.compare.dates import Date, read_date, same_date
from pytest_llm_extract.scoring.compare.texts import folded, read_number

FOLDED = Text(casefold=True, punctuation=True, accents=True)
_NUMBER = re.compile(r"\d+(?:[.,'’\s]?\d+)*")
_PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(T.*)?")
_DATES = re.compile(
    r"\d{1,4}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{2,4}"  # 14.01.2026, 2026-01-14
    r"|\d{1,2}(?:st|nd|rd|th|er|\.)?[\s-]+(?:of\s+|de\s+)?[^\W\d_]{3,}\.?,?[\s-]+(?:de\s+)?\d{2,4}"  # 14 January 2026
    r"|(?<![^\W\d_])[^\W\d_]{3,}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{2,4}"  # January 14, 2026
    r"|\d{2,4}\s*[年년]\s*\d{1,2}\s*[月월]\s*\d{1,2}|(?<!\d)\d{8}(?!\d)"
)
_ORDERS = (None, "DMY")
_LOCALES = ("en_US", "de_DE")
_SHORT = 3  # characters of a value that could be in any document by chance
_LONG = 6  # characters that are not side by side by chance
_MISREAD = 90.0  # percent of a value's characters that are together in a document that was misread


_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_words(number: int) -> str:
    """A whole number below 1,000 in English words, without hyphens: `one hundred and twenty`."""
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    small = _ONES[rest] if rest < 20 else _TENS[tens - 2] + (f" {_ONES[ones]}" if ones else "")
    if not hundreds:
        return small
    return f"{_ONES[hundreds]} hundred" + (f" and {small}" if rest else "")


class Searchable:
    """A document that values are looked for in; `text` is None for a file that is not text."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    @cached_property
    def _folded(self) -> str:
        return folded(self.text or "", FOLDED)

    @cached_property
    def _letters(self) -> str:
        """Letters and digits alone: line ends, hyphens and brackets aside."""
        return re.sub(r"[\W_]+", "", self._folded)

    @cached_property
    def _numbers(self) -> set[Decimal]:
        """Every number of the document, in every notation that it may be in."""
        numbers: set[Decimal] = set()
        for written in _NUMBER.findall(self.text or ""):
            pieces = written.split()
            for text in {written, *pieces, "".join(pieces)}:
                numbers.update(number for locale in _LOCALES if (number := read_number(text, locale)) is not None)
        return numbers | {number / 100 for number in numbers}  # percentages

    @cached_property
    def _dates(self) -> list[Date]:
        dates = (read_date(text.strip(), order) for text in _DATES.findall(self.text or "") for order in _ORDERS)
        return [date for date in dates if date is not None]

    def holds(self, value: Any) -> bool | None:
        """Whether a gold value occurs; None where it cannot be searched for.

        That is a file that is not text, null, a truth value, 0 and 1, a string of one or two characters, a list or an
        object.
        """
        if self.text is None or value is None or isinstance(value, bool):
            return None
        if isinstance(value, dict) and ANY_OF_KEY in value:
            answers = [self.holds(one) for one in value[ANY_OF_KEY]]
            return True if True in answers else None if None in answers else False
        if isinstance(value, int | float):
            return self._holds_number(str(value))
        if not isinstance(value, str):
            return None
        if _PLAIN_NUMBER.fullmatch(value):
            return self._holds_number(value)
        if _ISO_DATE.fullmatch(value) and any(same_date(read_date(value[:10], None), date) for date in self._dates):
            return True
        return self._holds_text(value)

    def _holds_number(self, written: str) -> bool | None:
        try:
            number = abs(Decimal(written))
        except InvalidOperation:
            return None
        if number in (0, 1):
            return None
        return number in self._numbers or self._holds_letters(written) or self._holds_words(number)

    def _holds_words(self, number: Decimal) -> bool:
        """Whether a small whole number is spelled out, as contracts do."""
        if number != number.to_integral_value() or not 1 < number < 1000:
            return False
        return re.search(rf"\b{number_words(int(number))}\b", self._folded) is not None

    def _holds_text(self, value: str) -> bool | None:
        wanted = folded(value, FOLDED)
        words, letters = set(wanted.split()), re.sub(r"[\W_]+", "", wanted)
        if words and words <= self._words:
            return True  # perhaps in pieces: lines of an address in another order
        if len(letters) < _SHORT:
            return None
        return self._holds_letters(wanted) or fuzz.partial_ratio(letters, self._letters, score_cutoff=_MISREAD) > 0

    def _holds_letters(self, value: str) -> bool:
        """Whether a value of some length occurs, with other white space or punctuation within."""
        letters = re.sub(r"[\W_]+", "", value)
        return len(letters) >= _LONG and letters in self._letters

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self._folded.split())
