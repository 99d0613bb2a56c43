"""Hooks that send the result of a case on the report of its test, on the way to the main process."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.session.stash import EXTRACTION, settings_of, suite_and_case

if TYPE_CHECKING:
    from pytest_llm_extract.config.settings import Settings
    from pytest_llm_extract.dataset.gold import GoldenCase
    from pytest_llm_extract.extraction.extraction import Extraction
    from pytest_llm_extract.results.case_report import CaseReport
    from pytest_llm_extract.suites.suite import Suite


class Sender:
    """Attaches a case's result to the report that is logged, since other plugins may make their own reports."""

    def __init__(self) -> None:
        self._item: pytest.Item | None = None
        self._is_due = False  # the test's result, which is sent once each time that it is set up
        self._told: set[str] = set()  # suites that the main process knows of

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Remember the test whose reports are logged next."""
        self._item, self._is_due = item, True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Forget the result of a test that is set up again."""
        self._is_due = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """Hide secrets before other plugins look; a subtest that was left at `.output` passes, as its case does."""
        if suite_and_case(item) is None:
            return (yield)
        if call.when == "setup" and call.excinfo is not None and not settings_of(item.config).placeholder_key:
            from pytest_llm_extract.credentials.placeholder_key import add_hint

            add_hint(call.excinfo.value)
        report = yield
        _hide_secrets(report, item)
        if call.when == "call" and call.excinfo is not None:
            from pytest_llm_extract.extraction.extraction import NoOutput

            if call.excinfo.errisinstance(NoOutput):
                report.outcome, report.longrepr = "passed", None
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Put the result of the case on its report, where it survives any worker."""
        item = self._item
        param = None if item is None or report.nodeid != item.nodeid else suite_and_case(item)
        if item is None or param is None:
            return
        _hide_secrets(report, item)  # again, since the report may be another
        is_last = report.when == "call" or (report.when == "setup" and not report.passed)
        if is_last and self._is_due and not hasattr(report, "context"):  # which those of subtests have
            self._is_due = False
            report.llm_extract = self._result_of(item, *param, is_skipped=report.skipped)

    def _result_of(self, item: pytest.Item, suite: Suite, golden: GoldenCase, *, is_skipped: bool) -> CaseReport:
        extraction = item.stash.get(EXTRACTION, None)
        if extraction is not None:
            del item.stash[EXTRACTION]  # or a rerun that is not set up would send it again
        sent = _report_of(extraction, suite, golden, settings_of(item.config), is_skipped=is_skipped)
        if suite.key in self._told:
            return sent
        self._told.add(suite.key)
        lost = suite.lost_cases() if hasattr(item.config, "workerinput") else None
        return sent._replace(head=suite.head, lost=lost, place=suite.place)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """Serialize a result for the main process."""
        data = yield
        if data is not None and "llm_extract" in data:
            data["llm_extract"] = data["llm_extract"].to_json()
        return data


def _report_of(
    extraction: Extraction | None, suite: Suite, golden: GoldenCase, settings: Settings, *, is_skipped: bool
) -> CaseReport:
    """The report of a case whose test has ended, with known secrets hidden. Without a result it is a lost answer."""
    from pytest_llm_extract.extraction.case_facts import lost_result
    from pytest_llm_extract.results.case_report import CaseNote, CaseReport
    from pytest_llm_extract.results.case_result import CaseResult
    from pytest_llm_extract.results.outcome import Status

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


def _hide_secrets(report: pytest.TestReport, item: pytest.Item) -> None:
    if report.longrepr or report.sections or report.user_properties or hasattr(report, "wasxfail"):
        from pytest_llm_extract.credentials.pytest_reports import hide_in_report

        hide_in_report(report, settings_of(item.config).storage.watch)
