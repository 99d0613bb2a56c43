"""The answers were recorded from a rule-based stand-in: the numbers say nothing about any model."""

import pytest
from invoices import InvoiceData, extract_invoice

from pytest_llm_extract.runner import Extraction


@pytest.mark.llm_extract(extractor=extract_invoice, cases="golden/invoices.jsonl")
@pytest.mark.llm_accuracy(0.75, vendor=0.80, amount=0.80)
def test_extract_invoice(extraction: Extraction) -> None:
    """Your own function, unchanged."""
    assert extraction.output.amount >= 0


@pytest.mark.llm_extract(schema=InvoiceData, prompt="prompts/invoice.prompt.yml", cases="golden/invoices.jsonl")
@pytest.mark.llm_accuracy(0.75)
def test_invoices(extraction: Extraction) -> None:
    """A prompt file: the plugin makes the call."""
