"""The main process of every run: count tests, receive results of cases; the first of them brings in the controller."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.session import run_scope
from pytest_llm_extract.session.run_counts import RunCounts

if TYPE_CHECKING:
    from pytest_llm_extract.session.controller import Controller


class Receiver:
    """Counts what a run tells, and hands results over.

    `configured`: the project sets one of our options, so that suites may be missing.
    """

    def __init__(self, session: pytest.Session, *, configured: bool) -> None:
        self._session, config = session, session.config
        self._may_lack_suites = configured or Path(config.rootpath, config.getini("llm_extract_cassettes")).exists()
        self._counts = RunCounts()

    @cached_property
    def _controller(self) -> Controller:
        from pytest_llm_extract.session.controller import Controller

        controller = Controller(self._session, self._counts)
        self._session.config.pluginmanager.register(controller, "llm_extract_controller")
        return controller

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a module failed or was skipped, so its suites are not gone."""
        self._counts.n_uncollected += report.failed
        if report.skipped and isinstance(report.longrepr, tuple):
            self._counts.skipped[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note a run without tests."""
        self._counts.n_selected = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Note a run without tests under xdist, where every worker collects the same ones."""
        self._counts.n_selected = len(ids)

    def pytest_deselected(self, items: Collection[pytest.Item]) -> None:
        """Note that tests were deselected."""
        self._counts.n_deselected += len(items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add up what a worker counted, unless it crashed."""
        output = getattr(node, "workeroutput", {})
        self._counts.n_deselected += output.get("llm_extract_deselected", 0)
        self._counts.asked_of_workers += output.get("llm_extract_asked", ())
        if outside := output.get("llm_extract_outside"):
            from pytest_llm_extract.session.local_network import outside_requests

            outside_requests(self._session.config).counts.update(outside)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_from_serializable(self) -> Generator[None, Any, Any]:
        """Read a result that a worker sent."""
        report = yield
        if hasattr(report, "llm_extract"):
            from pytest_llm_extract.results.case_report import CaseReport

            report.llm_extract = CaseReport.from_json(report.llm_extract)
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a case's result off its report, once it was shown."""
        if hasattr(report, "llm_extract"):
            sent = report.llm_extract
            del report.llm_extract  # the terminal keeps reports until the end
            self._controller.add(report, sent)
        elif report.failed and report.when not in ("setup", "call", "teardown"):
            self._counts.crashed.append(report.nodeid)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show a case that passed with wrong fields as imperfect; it still counts as passed."""
        sent = getattr(report, "llm_extract", None)
        if sent is None or report.when != "call" or not report.passed:
            return None
        from pytest_llm_extract.results.outcome import RIGHT, Status

        leaves = [leaf for sample in sent.case.samples for of_field in sample.leaves.values() for leaf in of_field]
        right = sum(leaf.outcome in RIGHT for leaf in leaves)
        status = sent.case.status
        why = "not valid" if status is Status.OK else status.value
        left = f"; left at .output, the answer is {why}" if sent.note.is_left else ""
        return ("passed", "~", f"PASSED ({right}/{len(leaves)} right{left})") if right < len(leaves) or left else None

    @pytest.hookimpl(wrapper=True, trylast=True)  # within that of pytest's terminal, which writes [100%] at its end
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Gate after the last test, while a failure still counts in the exit status."""
        # On -x and Ctrl-C the loop raises: then nothing is gated, and the summary says that the run was partial.
        outcome = yield
        config = session.config
        has_suites = self._may_lack_suites or "_controller" in vars(self)
        if has_suites and not config.option.llm_extract_plan_flag and not run_scope.calls_no_test(config):
            self._controller.judge()
        return outcome

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say why there is no test, where our own options left them all out, or a mistake that `--tb=no` hides."""
        option = self._session.config.option
        if not (self._counts.n_selected or self._counts.n_uncollected):
            given = option.llm_extract_case_flag, option.llm_extract_variant_flag
            if why := run_scope.nothing_selected(*given):
                from pytest_llm_extract.report.write import write_lines

                write_lines(terminalreporter, why)
        if option.tbstyle == "no":
            from pytest_llm_extract.session.refusals import show_hidden

            show_hidden(self._session.config, terminalreporter)
