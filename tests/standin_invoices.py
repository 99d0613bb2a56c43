"""An invoice reader by rules, as the loopback stand-in answers with: right most of the time, wrong as a reader is.

It never sees the golden data. What it does depends on the request, so that a changed prompt changes the answers:

- `day first` in the system prompt settles dates such as 03/04/2026; without it they are read the American way.
- `null` in the system prompt says what to do with an absent value; without it "no VAT" becomes a tax of 0.00.
- `json_object` answers are written by hand, without escapes; `json_schema` answers are always JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any

CURRENCY_SIGNS = {
    "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "zł": "PLN", "Kč": "CZK", "kr": "SEK",
}  # fmt: skip
CODES = r"\b(EUR|USD|GBP|CHF|JPY|SEK|NOK|PLN|CZK|INR|BRL|CAD|AUD)\b"
MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "mär": 3, "apr": 4, "may": 5, "mai": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12,
}  # fmt: skip
NUMBER = r"-?\d(?:[\d.,' ]*\d)?"

HEADER = re.compile(r"(?:tax )?invoice$|credit note$|gutschrift$|page \d|\W", re.IGNORECASE)
DOCUMENT_NUMBER = re.compile(
    r"(?:invoice|receipt|credit note|rechnung|gutschrift|bon|faktura|facture|factura|fattura|ticket|nota fiscal|請求書)"
    r"(?:番号|nummer)?[ \t]*(?:number|no\.?|nr\.?|n[°º.]|č\.|#)?:?[ \t]*([^\s,|]*\d[^\s,|]*)",
    re.IGNORECASE,
)
ANY_NUMBER = re.compile(r"\bno\. ([^\s,]*\d[^\s,.]*)")
TOTAL = re.compile(
    r"(?:grand )?total|totale|amount due|balance due|to pay|gesamtbetrag|rechnungsbetrag|summe|razem|celkem|att betala"
    r"|å betale|合計|σύνολο",
    re.IGNORECASE,
)
TAX = re.compile(r"\b(?:vat|sales tax|i?gst|hst|tva|mwst|iva|moms|mva|dph|消費税)\b", re.IGNORECASE)
NO_TAX = re.compile(r"\bno (?:vat|tax)\b|\bexempt\b", re.IGNORECASE)
DATES = (
    (re.compile(r"(?P<year>\d{4})[-/年](?P<month>\d\d?)[-/月](?P<day>\d\d?)"), False),
    (re.compile(r"(?P<day>\d\d?)\.?[ -](?:de )?(?P<name>[A-Za-zä]{3,9})[ -](?:de )?(?P<year>\d{4})"), False),
    (re.compile(r"(?P<name>[A-Z][a-z]{2,8}) (?P<day>\d\d?), (?P<year>\d{4})"), False),
    (re.compile(r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4}|\d\d)\b"), False),
    (re.compile(r"(?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{4})"), True),
)
ROWS = (
    re.compile(rf"(?P<quantity>\d+) x (?P<description>.+) @ (?P<price>{NUMBER})$"),
    re.compile(rf"(?:- )?(?P<description>.+), (?P<quantity>[\d.]+) \w+ at \D*(?P<price>{NUMBER})$"),
)


def answer_invoice(body: dict[str, Any]) -> str:
    """Read the document of a chat request: its last message, after `Invoice:` if the prompt says that."""
    prompt = " ".join(message["content"] for message in body["messages"][:-1])
    document = body["messages"][-1]["content"].split("Invoice:\n", 1)[-1]
    invoice = read_invoice(document, day_first="day first" in prompt, nulls="null" in prompt)
    if body["response_format"]["type"] == "json_schema":
        return json.dumps(invoice, ensure_ascii=False)
    return json.dumps(invoice, ensure_ascii=False).replace('\\"', '"')


def read_invoice(document: str, *, day_first: bool, nulls: bool) -> dict[str, Any]:
    """Every field of the examples' schema, numbers as texts."""
    # A worn letter O in a number is taken for an 8.
    text = re.sub(r"(?<=[\d.])O+", lambda worn: "8" * len(worn.group()), document)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return {
        "vendor": read_vendor(lines),
        "invoice_number": read_document_number(text),
        "date": read_date(text, day_first=day_first),
        "currency": read_currency(text),
        "amount": read_amount(lines),
        "tax": read_tax(lines, nulls=nulls),
        "line_items": [row for line in lines if (row := read_row(line))],
    }


def read_vendor(lines: list[str]) -> str:
    """The first line that is no header of the page."""
    return next((line for line in lines if not HEADER.match(line)), "").removeprefix("Bill to: ")


def read_document_number(text: str) -> str | None:
    """What follows a word for the document, else whatever is called a number."""
    found = DOCUMENT_NUMBER.search(text) or ANY_NUMBER.search(text)
    return found.group(1) if found else None


def read_date(text: str, *, day_first: bool) -> str | None:
    """The first date in the document, whatever it is the date of."""
    found = [(match.start(), match, slashes) for form, slashes in DATES for match in form.finditer(text)]
    for _, match, slashes in sorted(found, key=lambda place: place[0]):
        parts = match.groupdict()
        month = MONTHS.get(parts["name"][:3].lower()) if "name" in parts else int(parts["month"])
        if month is None:
            continue
        day, year = int(parts["day"]), int(parts["year"])
        if slashes and not day_first and day <= 12:
            day, month = month, day
        return f"{year if year > 99 else 2000 + year}-{month:02}-{day:02}"
    return None


def read_currency(text: str) -> str:
    """A code if one is printed, else the first sign that is known; a crown is Swedish."""
    code = re.search(CODES, text)
    return code.group(1) if code else next((c for sign, c in CURRENCY_SIGNS.items() if sign in text), "EUR")


def read_amount(lines: list[str]) -> str:
    """The number of the first line that starts with a word for the total, else the largest number with cents."""
    for line in lines:
        if TOTAL.match(line) and (numbers := re.findall(NUMBER, line)):
            return read_number(numbers[-1])
    cents = [
        read_number(number) for line in lines for number in re.findall(NUMBER, line) if number[-3:-2] in (".", ",")
    ]
    return max(cents, key=float, default="0")


def read_tax(lines: list[str], *, nulls: bool) -> str | None:
    """The last number of the first line that names a tax."""
    for line in lines:
        if TAX.search(line) and (numbers := re.findall(NUMBER, line)) and not TOTAL.match(line):
            return read_number(numbers[-1])
    return "0.00" if not nulls and any(NO_TAX.search(line) for line in lines) else None


def read_row(line: str) -> dict[str, str] | None:
    """A row of a table (description, quantity, price, and mostly their product) or of a list; None for other lines."""
    cells = [cell for cell in re.split(r"\s{2,}|\s*\|\s*", line) if cell]
    numbers = [cell.lstrip("£€$") for cell in cells[1:]]
    if len(cells) in (3, 4) and all(re.fullmatch(NUMBER, number) for number in numbers):
        return {"description": cells[0], "quantity": read_number(numbers[0]), "price": read_number(numbers[1])}
    for form in ROWS:
        if found := form.match(line):
            numbered = {name: read_number(found[name]) for name in ("quantity", "price")}
            return {"description": found["description"], **numbered}
    return None


def read_number(text: str) -> str:
    """Digits with a decimal point: the last separator is the decimal one unless three digits follow it."""
    cut = max(text.rfind("."), text.rfind(","))
    has_cents = cut > 0 and len(text) - cut != 4
    whole, cents = (text[:cut], text[cut:].replace(",", ".")) if has_cents else (text, "")
    return re.sub(r"[.,' ]", "", whole) + cents
