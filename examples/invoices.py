"""An extractor as people write it: nothing in here knows that it is tested."""

import datetime
from decimal import Decimal
from typing import Literal

from openai import OpenAI
from pydantic import BaseModel

Currency = Literal["AUD", "BRL", "CAD", "CHF", "CZK", "EUR", "GBP", "INR", "JPY", "NOK", "PLN", "SEK", "USD"]


class LineItem(BaseModel):
    """One row of an invoice; the price is that of one unit, before tax unless the invoice prints it with tax."""

    description: str
    quantity: Decimal
    price: Decimal


class InvoiceData(BaseModel):
    """What an invoice, a receipt or a credit note says; None is what it does not say."""

    vendor: str
    invoice_number: str | None
    date: datetime.date | None
    currency: Currency
    amount: Decimal
    tax: Decimal | None
    line_items: list[LineItem]


client = OpenAI()


def extract_invoice(text: str) -> InvoiceData:
    """Ask the model, and trust nothing but the schema."""
    response = client.chat.completions.create(
        model="gpt-4",
        messages=[
            {"role": "system", "content": "Extract invoice data. Return valid JSON matching the schema."},
            {"role": "user", "content": text},
        ],
        response_format={"type": "json_object"},
    )
    return InvoiceData.model_validate_json(response.choices[0].message.content or "")
