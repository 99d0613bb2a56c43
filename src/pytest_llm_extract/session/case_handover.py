"""Make the report of a case for the main process, with known secrets hidden."""

from __future__ import annotations

from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.extraction.case_facts import lost_result
from pytest_llm_extract.extraction.extraction import Extraction
from pytest_llm_extract.results.case_report import CaseNote, CaseReport
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.suites.suite import Suite


def report_of(
    extraction: Extraction | None, suite: Suite, golden: GoldenCase, settings: Settings, *, is_skipped: bool
) -> CaseReport:
    """The report of a case whose test has ended. Without a result it counts as a lost answer."""
    result = extraction.result if extraction else None
    if result is None:
        status = Status.SKIPPED if is_skipped else Status.ERROR
        result = lost_result(suite, golden, status, f"the test {status.value} before its extraction", settings.rootdir)
    note = extraction.note if extraction else CaseNote()
    watch = settings.storage.watch
    if note.problem or watch.is_in(result.texts()):
        shown = watch.hidden({"case": result.to_wire(), "note": note._asdict()})
        result, note = CaseResult.from_wire(shown["case"] | {"id": result.id}), CaseNote.from_wire(shown["note"])
    # An accepted answer must not be changed; a baseline with a secret is not written.
    entry = extraction.entry if extraction else None
    return CaseReport(suite.key, result, note, entry.to_wire() if entry else None)
