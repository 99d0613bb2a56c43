"""What a text says: its normal form, or the number in it. Nothing here guesses."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from pytest_llm_extract.rules.comparators import Text

# Direction marks, embeddings and isolates, zero-width characters, word joiner and invisible operators, soft hyphen and
# byte order mark: they show nothing and say nothing.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065)]
)
_INVISIBLE |= dict.fromkeys(range(0x2066, 0x206A))
_BRACKETS = re.compile(r"\((.*)\)", re.DOTALL)
MAX_LENGTH = 100  # of a text that is read as a number


class _NoPunctuation(dict[int, int | None]):
    """A translation that drops punctuation; each character is looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code))[0] == "P" else code
        return self[code]


_NO_PUNCTUATION = _NoPunctuation()


def normal_text(text: str) -> str:
    """NFC, invisible marks dropped, stripped, white space collapsed; case and punctuation count."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    return " ".join(text.split())


def folded(text: str, rule: Text) -> str:
    """The normal form without what the rule says does not count; a text of punctuation only stays as it is."""
    text = normal_text(text)
    if rule.accents and not text.isascii():
        text = _without_accents(text)
    if rule.casefold:
        text = text.casefold()
    if rule.punctuation:
        text = " ".join(text.translate(_NO_PUNCTUATION).split()) or text
    return text.replace(" ", "") if rule.spaces else text


def _without_accents(text: str) -> str:
    """Latin and Greek letters without their marks, Cyrillic ones without stress; all else, digits too, as it is."""
    bare: list[str] = []
    script = ""
    for ch in text:
        if not unicodedata.combining(ch):
            name = unicodedata.name(ch, "")
            script = name.split(" ", 1)[0]
            bare.append(_BARE.get(ch) or _bare_letter(ch, name, script))
        elif not (script in _ACCENTED or (script == "CYRILLIC" and ch in _STRESS)):
            bare.append(ch)
    return unicodedata.normalize("NFC", "".join(bare))


_ACCENTED = ("LATIN", "GREEK")
_STRESS = "\N{COMBINING ACUTE ACCENT}\N{COMBINING GRAVE ACCENT}"
_BARE: dict[str, str] = {}  # letters that were looked up


def _bare_letter(ch: str, name: str, script: str) -> str:
    """The letter that another one is by its name: `LATIN SMALL LETTER L` of `… L WITH STROKE`."""
    if " LETTER " not in name or " WITH " not in name:
        return ch
    if script in _ACCENTED:
        try:
            _BARE[ch] = unicodedata.lookup(name.split(" WITH ")[0])
        except KeyError:
            return ch
        return _BARE[ch]
    first, *marks = list(unicodedata.normalize("NFD", ch))
    return first if script == "CYRILLIC" and marks and set(marks) <= set(_STRESS) else ch


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
