"""The answers were recorded from a rule-based stand-in: the numbers say nothing about any model."""

import pytest
from invoices import InvoiceData, extract_invoice

from pytest_llm_extract import Extraction


@pytest.mark.llm_extract(extractor=extract_invoice, cases="golden/invoices.jsonl")
@pytest.mark.llm_accuracy(0.82, {"line_items[].price": 0.89}, vendor=0.87, invoice_number=0.90, currency=0.92)
def test_extract_invoice(extraction: Extraction) -> None:
    """Your own function, unchanged, with an assertion that holds for every document."""
    invoice = extraction.output
    assert abs(invoice.tax or 0) <= abs(invoice.amount)


@pytest.mark.llm_extract(schema=InvoiceData, prompt="prompts/invoice.prompt.yml", cases="golden/invoices.jsonl")
@pytest.mark.llm_accuracy(
    0.87,
    {
        "line_items[]": 0.81,
        "line_items[].description": 0.79,
        "line_items[].quantity": 0.81,
        "line_items[].price": 0.80,
    },
    currency=0.92,
    tax=0.92,
)
def test_invoices(extraction: Extraction) -> None:
    """A prompt file: the plugin makes the call."""
