"""An extractor as people write it: nothing in here knows that it is tested."""

import datetime
from decimal import Decimal

from openai import OpenAI
from pydantic import BaseModel


class InvoiceData(BaseModel):
    """What an invoice says."""

    vendor: str
    amount: Decimal
    date: datetime.date
    line_items: list[str]


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
