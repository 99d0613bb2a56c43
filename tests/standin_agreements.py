"""A reader of service agreements by rules, as the loopback stand-in answers with: it takes the first thing that fits.

It never sees the golden data. In a whole agreement the first amount, notice or law is often that of another clause; in
retrieved passages it is mostly the right one, unless retrieval left it out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from standin_invoices import MONTHS, answer_invoice, read_number

WORDS = {
    "seven": 7, "ten": 10, "fourteen": 14, "twenty-one": 21, "thirty": 30, "forty-five": 45, "sixty": 60, "ninety": 90,
    "one hundred and twenty": 120,
}  # fmt: skip
PARTIES = (
    r"between (?P<provider>.+?) \(the provider\) and (?P<customer>.+?) \(the customer\)",
    r"\(1\) (?P<provider>.+?), hereinafter.*\(2\) (?P<customer>.+?), hereinafter",
    r"Between (?P<provider>.+?), as provider, and (?P<customer>.+?), as customer",
)
MONEY = r"\b(?:(CHF|DKK|EUR|GBP|NOK|SEK|USD) (\d[\d., ]*\d)|(\d[\d., ]*\d) (CHF|DKK|EUR|GBP|NOK|SEK|USD))\b"
DATE = r"(\d{4})-(\d\d)-(\d\d)|(\d\d?) ([A-Z][a-z]+) (\d{4})|([A-Z][a-z]+) (\d\d?), (\d{4})"


def answer_example(body: dict[str, Any]) -> str:
    """Answer a request of any of the example suites."""
    schema = body["response_format"].get("json_schema", {}).get("name")
    return answer_agreement(body) if schema == "Agreement" else answer_invoice(body)


def answer_agreement(body: dict[str, Any]) -> str:
    """Read what the last message holds, be it passages or a whole agreement."""
    return json.dumps(read_agreement(body["messages"][-1]["content"]), ensure_ascii=False)


def read_agreement(text: str) -> dict[str, Any]:
    """Every field of the examples' schema, numbers as texts."""
    parties = next((found for form in PARTIES if (found := re.search(form, text))), None)
    fee, cap = _amount(text, r"\bfee\b|\bpays\b|remuneration"), _amount(text, r"\bliab|\bcovers\b")
    return {
        "provider": parties["provider"] if parties else "",
        "customer": parties["customer"] if parties else "",
        "start": _start(text),
        "notice_days": _days(text),
        "monthly_fee": fee[1] if fee else "0",
        "currency": fee[0] if fee else "EUR",
        "liability_cap": cap[1] if cap else None,
        "governing_law": _law(text),
    }


def _clauses(text: str) -> list[str]:
    return [clause for clause in text.split("\n\n") if clause.strip()]


def _amount(text: str, words: str) -> tuple[str, str] | None:
    """Currency and amount of the first clause that has these words and an amount."""
    for clause in _clauses(text):
        if re.search(words, clause, re.IGNORECASE) and (found := re.search(MONEY, clause)):
            return found[1] or found[4], read_number(found[2] or found[3])
    return None


def _start(text: str) -> str:
    """The first date of a clause about the beginning, else the first date."""
    clauses = [one for one in _clauses(text) if re.search(r"begins on|takes effect|first day of the service", one)]
    found = next((date for one in (*clauses, text) if (date := re.search(DATE, one))), None)
    if found is None:
        return "1970-01-01"
    if found[1]:
        return found[0]
    day, name, year = (found[4], found[5], found[6]) if found[4] else (found[8], found[7], found[9])
    return f"{year}-{MONTHS[name[:3].lower()]:02}-{int(day):02}"


def _days(text: str) -> int:
    """The first number of days in a clause about notice."""
    numbers = "|".join(sorted(WORDS, key=len, reverse=True))
    for clause in _clauses(text):
        if "notice" in clause and (found := re.search(rf"(\d+|{numbers})(?: \(\d+\))? days", clause)):
            return WORDS.get(found[1]) or int(found[1])
    return 0


def _law(text: str) -> str:
    found = re.search(r"law of (the [A-Z][\w ]*|[A-Z][\w ]*)|Governing law: ([\w ]+)", text)
    return (found[1] or found[2]).strip() if found else ""
