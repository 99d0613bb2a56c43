"""Documents that are longer than what the model should read: passages are retrieved, and whole documents compared.

The answers were recorded from a rule-based stand-in: the numbers say nothing about any model.
"""

import pytest
from agreements import Agreement, find_passages

from pytest_llm_extract import Extraction, Variant


@pytest.mark.llm_extract(
    schema=Agreement,
    cases="golden/agreements.jsonl",
    prompt="prompts/agreement.prompt.yml",
    context=find_passages,
    variants=[Variant("whole", prompt="prompts/whole_agreement.prompt.yml", context=None)],
)
@pytest.mark.llm_accuracy(0.95, governing_law=0.75)
def test_agreements(extraction: Extraction) -> None:
    """The passages are a part of the request, so a retriever that finds others makes cassettes stale."""
