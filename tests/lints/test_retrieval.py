"""What retrieval brought: is a value that was missed in the passages, or only in the document?"""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from pydantic import BaseModel

from pytest_llm_extract.gate.decide import summarize_only
from pytest_llm_extract.lints.lint_report import lint_results
from pytest_llm_extract.lints.occurrence import number_words
from pytest_llm_extract.report.lint_findings import lint_lines
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer


class Lease(BaseModel):
    """Five kinds of values."""

    tenant: str
    start: datetime.date
    months: int
    rent: float
    furnished: bool


GOLD = {"tenant": "Mira Holt", "start": "2026-03-01", "months": 24, "rent": 950.5, "furnished": True}
DOCUMENT = "Tenant: Mira Holt.\nFrom 1 March 2026 for twenty-four months.\nThe rent is 950,50 EUR."


def lease(passages: str | None, answer: dict[str, object]) -> SuiteResult:
    """One case of a variant that retrieves, with its answer."""
    schema = Schema.of(Lease, "test")
    read = read_answer(schema, json.dumps(GOLD | answer))
    case = score_answer(schema, schema.read_gold(GOLD), read, case_id="c1", input=DOCUMENT, passages=passages)
    head = SuiteResult("t.py::t", "rag", ("c1",), schema.paths, GateRules())
    return head._replace(cases=(case,))


def test_a_missed_value_is_looked_for_in_the_passages_and_the_document() -> None:
    """Read wrong, not retrieved (also a date and a number in another notation), or nothing to look for."""
    wrong = {"tenant": "Holt", "start": "2026-01-03", "months": 12, "rent": 95.0, "furnished": False}
    [report] = lint_results([lease("Tenant: Mira Holt. 24 months", wrong)])
    counted = {found.field: (found.read_wrong, found.not_retrieved, found.unsearchable) for found in report.retrieval}
    assert counted == {
        "tenant": (1, 0, 0),
        "start": (0, 1, 0),
        "months": (1, 0, 0),
        "rent": (0, 1, 0),
        "furnished": (0, 0, 1),
    }
    assert [finding.field for finding in report.findings if finding.kind == "not_retrieved"] == ["start", "rent"]
    assert " retrieval: rag: of 5 missed values, 2 not in the passages" in "\n".join(lint_lines(report, 70))


def test_retrieval_that_misses_nothing_is_no_finding() -> None:
    """A right value may come from anywhere; a suite without passages is not looked at."""
    [report] = lint_results([lease("", {})])
    assert not [finding for finding in report.findings if finding.kind == "not_retrieved"]
    [report] = lint_results([lease(None, {"rent": 1.0})])
    assert not report.retrieval


def test_passages_survive_the_file_and_are_left_out_with_the_documents() -> None:
    """results.json has them; `--llm-extract-documents=none` has neither."""
    suite = lease("the passages", {})
    assert CaseResult.from_wire(suite.cases[0].to_wire()).passages == "the passages"

    shown = run_results([(suite, summarize_only(suite))], [], Path(), "none")
    assert "passages" not in json.dumps([kept.cases[0].to_wire() for kept, _ in shown.suites])


def test_small_numbers_are_found_in_words() -> None:
    """As contracts spell them."""
    assert [number_words(number) for number in (7, 13, 20, 45, 100, 120, 999)] == [
        "seven",
        "thirteen",
        "twenty",
        "forty five",
        "one hundred",
        "one hundred and twenty",
        "nine hundred and ninety nine",
    ]
