"""Read a string as a number, with what is beside it: a currency, or a percent sign."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cache, lru_cache
from typing import NamedTuple

from pytest_llm_extract.scoring.compare.texts import MAX_LENGTH, normal_text, read_number

_PARTS = (("%", 2), ("\N{PER MILLE SIGN}", 3))
# Signs with letters that babel writes otherwise, as it does the sign of a country in that country.
_SIGNS = {"US$": "USD", "C$": "CAD", "AU$": "AUD", "S$": "SGD", "NZ$": "NZD", "RMB": "CNY"}


class Amount(NamedTuple):
    """A number, and the ISO code or the sign of a currency beside it; None without one."""

    number: Decimal
    currency: str | None = None


@lru_cache(maxsize=65536)
def read_amount(text: str, locale: str) -> Amount | None:
    """The number that a text is: a percentage as its part of one, an amount of money with its currency."""
    text = normal_text(text)
    number = read_number(text, locale)
    if number is not None or len(text) > MAX_LENGTH or not any(map(str.isdigit, text)):
        return None if number is None else Amount(number)
    for sign, power in _PARTS:
        if text.endswith(sign):
            number = read_number(text[: -len(sign)].rstrip(), locale)
            return None if number is None else Amount(number.scaleb(-power))
    match = _with_currency().fullmatch(text)
    currency = _currency(match["before"] or match["after"]) if match else None
    if match is None or currency is None or (match["before"] and match["after"]):
        return None
    number = read_number(f"{match['open']}{match['number'].strip()}{match['close']}", locale)
    return None if number is None else Amount(number, currency)


def same_currency(one: str | None, other: str | None) -> bool:
    """Whether two amounts may be of one currency: a sign may stand for a code, and nothing for anything."""
    if one is None or other is None or one == other:
        return True
    sign, code = sorted((one, other), key=len)
    return len(sign) == 1 and len(code) == 3 and sign in _symbols()[code]


@cache
def _with_currency() -> re.Pattern[str]:
    signs = "".join(ch for ch in map(chr, range(0x24, 0x20D0)) if unicodedata.category(ch) == "Sc")
    name = rf"[A-Z]{{3}}|[A-Z]{{0,3}}[{re.escape(signs)}]"
    number = r"[-+\N{MINUS SIGN}]?\s?[\d.,٫][\d.,٫\s'’]*"
    return re.compile(
        rf"(?P<open>[-+(\N{{MINUS SIGN}}]?)\s?(?P<before>{name})?\s?"
        rf"(?P<number>{number})(?P<after>{name})?\s?(?P<close>[-)]?)"
    )


def _currency(name: str | None) -> str | None:
    """The ISO code of a currency, or the sign that may be that of several; None where it names none."""
    if name is None:
        return None
    if len(name) == 1:
        return name
    if code := _SIGNS.get(name):
        return code
    return name if name in _symbols() else next((code for code, sign in _symbols().items() if sign == name), None)


@cache
def _symbols() -> dict[str, str]:
    """The sign of every currency by its ISO code, in English."""
    from babel import Locale

    codes: dict[str, str] = dict.fromkeys(Locale("en").currencies, "")
    return {**codes, **Locale("en").currency_symbols}
