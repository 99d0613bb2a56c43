"""Wrong values say where they come from: the prompt, a label, the end of the document, a loop."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel
from real_models import REAL_MODELS

from pytest_llm_extract.extraction.value_sources import CaseTexts, ValueSources, with_sources
from pytest_llm_extract.formats.repetition import repeated_end
from pytest_llm_extract.report.misses import worst_misses
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Outcome, Status
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.advice import advice
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer

DOCUMENT = "Brightwater Plumbing\nInvoice No: BP-17\nTotal due:   1,200.00 EUR\nPaid in 2024, thank you, come again"
SHOT = {"vendor": "Baumann GmbH", "total": 82.71, "day": "2025-05-07", "parts": 3, "place": "Bad Homburg"}
SCHEMA = {"properties": {"vendor": {"description": "for example Hollis & Wray", "enum": ["Oslo Ltd"]}}}
SYSTEM = "Read the invoice. A date such as 03/04/2026 is day first. Copy the vendor as printed."
REQUEST = {
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "Rechnung 2291"},
        {"role": "assistant", "content": json.dumps(SHOT)},
        {"role": "user", "content": f"Invoice:\n{DOCUMENT}\nJSON:"},
    ],
    "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
}


def source(path: str, *leaf: Any) -> str | None:
    """The hint on one leaf of the document above."""
    sources = ValueSources(json.dumps(REQUEST).encode(), CaseTexts(DOCUMENT), {"Oslo Ltd"})
    return sources.explain(path, Leaf(*leaf)).hint


@pytest.mark.parametrize(
    ("path", "expected", "actual", "hint"),
    [
        ("vendor", "Brightwater Plumbing", "Baumann GmbH", "prompt:examples"),
        ("total", "1200.00", "82.71", "prompt:examples"),
        ("total", 1200, 82.71, "prompt:examples"),
        ("day", "2024-02-03", "2025-05-07", "prompt:examples"),
        ("number", "BP-17", "2291", "prompt:examples"),
        ("vendor", "Brightwater Plumbing", "Copy the vendor as printed.", "prompt:instructions"),
        ("vendor", "Brightwater Plumbing", "Hollis & Wray", "prompt:schema"),
        ("vendor", "Brightwater Plumbing", "Oslo Ltd", None),  # one of the values that the schema allows
        ("vendor", "Brightwater Plumbing", "invoice vendor", None),  # words of the prompt, but not side by side
        ("parts", 2, 3, None),  # a number that stands in any prompt
        ("total", "1200.00", "1,200.00", None),  # in the document, too
        ("number", "BP-17", "Invoice No", "label"),
        ("total", "1200.00", "Total due", "label"),
        ("invoice_number", "BP-17", "invoice number", "label"),
        ("vendor", "Brightwater Plumbing", "Invoice", None),  # in the document, before something else
        ("vendor", "Brightwater Plumbing", "thank you, come  again", "end"),
        ("vendor", "Brightwater Plumbing", "ha ha ha ha ha ha ha", "loop"),
        ("vendor", "Brightwater Plumbing", None, None),
    ],
)
def test_source_of_a_wrong_value(path: str, expected: Any, actual: Any, hint: str | None) -> None:
    """What stands in the document as well, or is one of a few values, is not called copied."""
    assert source(path, Outcome.WRONG, expected, actual) == hint


def test_other_hints_and_outcomes_are_let_be() -> None:
    """A rule that would match says more, another number says less; a right or a missing value has no source."""
    assert source("total", Outcome.WRONG, "1200.00", "82.71", "casefold") == "casefold"
    assert source("total", Outcome.WRONG, "1200.00", "82.71", "other_number") == "prompt:examples"
    assert source("total", Outcome.SPURIOUS, None, "82.71") == "prompt:examples"
    assert source("total", Outcome.CORRECT, "82.71", "82.71") is None
    assert source("total", Outcome.WRONG, "1200.00", ["82.71"]) is None


def test_passages_are_the_case_and_not_the_prompt() -> None:
    """What was retrieved may hold the value as the document may; beside a document, an extractor may send anything."""
    leaf = Leaf(Outcome.WRONG, "Brightwater Plumbing", "Hollis & Wray")
    passage = "Supplier 17: Hollis & Wray, Leeds"
    turn = {"role": "user", "content": f"{passage}\n\n{DOCUMENT}\nCopy it."}
    request = json.dumps({"messages": [{"role": "system", "content": f"Known: {passage}"}, turn]}).encode()
    assert ValueSources(request, CaseTexts(DOCUMENT, (passage,))).explain("vendor", leaf).hint is None
    assert ValueSources(request, CaseTexts(DOCUMENT)).explain("vendor", leaf).hint == "prompt:instructions"
    request = json.dumps({"messages": [turn]}).encode()
    assert ValueSources(request, CaseTexts(DOCUMENT, None)).explain("vendor", leaf).hint is None


@pytest.mark.parametrize("body", [b"", b"sha256:" + b"0" * 64, b"a=b", b"[]", b'{"messages": "x"}', b"[" * 100_000])
def test_request_that_cannot_be_read_explains_nothing(body: bytes) -> None:
    """A form, a hash, something else: no error, no hint."""
    assert ValueSources(body, CaseTexts(DOCUMENT)).explain("total", Leaf(Outcome.WRONG, 1, 82.71)).hint is None
    assert ValueSources(body, CaseTexts(None)).explain("total", Leaf(Outcome.WRONG, 1, 82.71)).hint is None


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("total 1000000000000000000", "0"),
        ("{'a': 'x, y, x, y, x, y, x, y, x", "x, y, "),
        ("abc" * 200, "abc"),
        ("one two three", None),
        ("1,000,000,000", None),
        ("", None),
    ],
)
def test_repetition_at_the_end(text: str, unit: str | None) -> None:
    """Four times or more, the last one perhaps cut off; not what repeats by chance."""
    assert repeated_end(text) == unit


def test_cut_off_answer_says_what_it_repeats() -> None:
    """Its end alone would not show how often."""
    raw = '{"total": "' + "12.00 and " * 90
    result = CaseResult(Status.TRUNCATED, {}, False, "c0", raw=raw, error="cut off")
    assert worst_misses([result], 100) == ["  c0             truncated: cut off, repeats '12.00 and' to its end"]


class Invoice(BaseModel):
    """The fields of the real answers that every case labels."""

    vendor: str | None = None
    amount: float | None = None


@pytest.mark.skipif(not REAL_MODELS.is_dir(), reason="the answers of real models are not here")
def test_real_model_that_copies_its_example() -> None:
    """Twenty-six readable answers, each with the vendor and the amount of the example in the prompt."""
    schema, request = Schema.of(Invoice, "here"), (REAL_MODELS / "requests" / "gemma3-jsonobj.json").read_text("utf-8")
    gold = {row["id"]: row for row in map(json.loads, (REAL_MODELS / "gold.jsonl").open(encoding="utf-8"))}
    results = []
    for row in map(json.loads, (REAL_MODELS / "answers" / "gemma3-jsonobj.jsonl").open(encoding="utf-8")):
        document = gold[row["id"]]["input"]
        sent = request.replace("{{input}}", json.dumps(document)[1:-1]).encode()
        expected = {name: gold[row["id"]]["expected"].get(name) for name in Invoice.model_fields}
        result = score_answer(schema, schema.read_gold(expected), read_answer(schema, row["raw"]), case_id=row["id"])
        results.append(with_sources(result, [sent], partial(CaseTexts, document), schema.choices))
    said = "26 of the 26 wrong values are in the instructions of the prompt and not in the document: *"
    assert {path: text.partition(": ")[0] + ": *" for path, text in advice(results).items()} == {
        "vendor": said,
        "amount": said,
    }
