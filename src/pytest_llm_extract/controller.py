"""Lives in the main process only: receives case results, gates each suite, publishes its verdict, writes reports."""

from __future__ import annotations

import datetime
import json
from collections.abc import Generator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_llm_extract import gate
from pytest_llm_extract.aggregate import summarize
from pytest_llm_extract.outcome import CaseResult, Leaf, Status, Verdict

if TYPE_CHECKING:
    from pytest_llm_extract.config import Settings


class GateReport:
    """How a failed gate reads, in the way of pytest's own failures."""

    def __init__(self, reasons: list[str], suite_id: str) -> None:
        self.text = "\n".join(reasons)
        self.reprcrash = SimpleNamespace(path=suite_id.split("::")[0], lineno=0, message="; ".join(reasons))

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Any) -> None:
        """Write it, as pytest asks for."""
        tw.line(self.text, red=True)


@dataclass
class SuiteRun:
    """What is known of one suite in this run."""

    header: dict[str, Any]
    results: dict[str, CaseResult] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: Verdict | None = None
    reasons: list[str] = field(default_factory=list)

    @property
    def dataset_ids(self) -> list[str]:
        """The ids of all its golden cases."""
        return list(self.header["dataset_ids"])

    @property
    def floors(self) -> dict[str, Fraction]:
        """Floors by field path."""
        return {path: Fraction(floor) for path, floor in self.header["floors"].items()}

    @property
    def ordered(self) -> list[CaseResult]:
        """The results, in the order of the golden data."""
        return [self.results[case] for case in self.dataset_ids if case in self.results]

    @property
    def complete(self) -> bool:
        """Whether every golden case has a result."""
        return len(self.results) == len(self.dataset_ids)

    def lose(self, case: str, error: str) -> None:
        """Count a case whose worker died: it stays in every denominator."""
        leaves = {path: tuple(map(Leaf.from_wire, wire)) for path, wire in self.header["lost"][case].items()}
        self.results[case] = CaseResult(Status.ERROR, leaves, valid=False, id=case, error=error)


class Controller:
    """One a run."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config, self.settings = config, settings
        self.suites: dict[str, SuiteRun] = {}
        self.crashed: list[str] = []
        self.write_problem: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a case's result off its report; the last report of a case wins."""
        payload = getattr(report, "llm_extract", None)
        if payload is None:
            if report.failed and report.when not in ("setup", "call", "teardown"):
                self.crashed.append(report.nodeid)
            return
        if payload["header"] is not None:
            self.suites.setdefault(payload["suite"], SuiteRun(payload["header"]))
        suite = self.suites[payload["suite"]]
        result = CaseResult.from_wire(payload["case"])
        suite.results[result.id] = result
        suite.notes[result.id] = payload["note"]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Gate after the last test, while a failure still counts in the exit status."""
        # On -x and Ctrl-C the loop raises: then nothing is gated, and the summary says that the run was partial.
        outcome = yield
        if not session.config.option.collectonly:
            self._add_crashed()
            for suite in self.suites.values():
                if suite.complete:
                    self._gate(session, suite)
        return outcome

    def _add_crashed(self) -> None:
        for nodeid in self.crashed:
            for suite_id, suite in self.suites.items():
                if nodeid.startswith(f"{suite_id}["):
                    lost = [case for case in suite.dataset_ids if case not in suite.results]
                    shown = nodeid[len(suite_id) + 1 : nodeid.rindex("]")]
                    # Node ids are ASCII-escaped; the case is the missing one that reads like it.
                    same = [case for case in lost if case.encode("unicode_escape").decode() == shown]
                    for case in same or lost[:1]:
                        suite.lose(case, "its worker crashed")

    def _gate(self, session: pytest.Session, suite: SuiteRun) -> None:
        fields = summarize(suite.header["paths"], suite.ordered)
        nodeid = f"{suite.header['id']}::gate"
        if all(result.status is Status.SKIPPED for result in suite.ordered):
            self._publish(session, nodeid, "skipped", ("", 0, "Skipped: every case was skipped"))
            return
        suite.verdict, suite.reasons = gate.judge(fields, suite.floors, suite.ordered)
        failed = suite.verdict is Verdict.FAIL
        longrepr = GateReport(suite.reasons, suite.header["id"]) if failed else None
        self._publish(session, nodeid, "failed" if failed else "passed", longrepr)

    def _publish(self, session: pytest.Session, nodeid: str, outcome: Any, longrepr: Any) -> None:
        location = (nodeid.split("::")[0], None, nodeid.split("::", 1)[1].replace("::", "."))
        session.testscollected += 1
        hook = self.config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        phases: tuple[Literal["setup", "call", "teardown"], ...] = ("setup", "call", "teardown")
        for when in phases:
            is_call = when == "call"
            report = pytest.TestReport(
                nodeid=nodeid,
                location=location,
                keywords={},
                outcome=outcome if is_call else "passed",
                longrepr=longrepr if is_call else None,
                when=when,
            )
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write results.json, if there is anything to write."""
        if self.settings.json_path is None or not self.suites:
            return
        from pytest_llm_extract.cassette.store import write_atomically

        try:
            write_atomically(self.settings.json_path, json.dumps(self.results(), indent=1) + "\n")
        except OSError as error:
            self.write_problem = f"{self.settings.json_path}: results not written: {error.strerror or error}"
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def results(self) -> dict[str, Any]:
        """The run in the format of results.json."""
        from pytest_llm_extract.report.results import FORMAT, VERSION, suite_to_wire

        return {
            "format": FORMAT,
            "version": VERSION,
            "run": {
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "complete": all(suite.complete for suite in self.suites.values()),
                "plugin": version("pytest-llm-extract"),
                "pytest": pytest.__version__,
            },
            "suites": [
                suite_to_wire(
                    s.header, s.ordered, summarize(s.header["paths"], s.ordered), s.floors, s.verdict, s.reasons
                )
                for s in self.suites.values()
            ],
        }

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the table of each suite, its worst misses, and what is stale or missing."""
        for suite in self.suites.values():
            terminalreporter.section(f"llm-extract: {suite.header['id']} ({suite.header['variant']})", "=")
            for line in self._summary(suite, terminalreporter._tw.fullwidth):
                terminalreporter.write_line(line)
        if self.write_problem:
            terminalreporter.write_line(self.write_problem, red=True)

    def _summary(self, suite: SuiteRun, width: int) -> list[str]:
        from pytest_llm_extract.report import terminal

        results = suite.ordered
        fields = summarize(suite.header["paths"], results)
        answered = any(result.status not in (Status.STALE, Status.MISSING) for result in results)
        lines = [terminal.fields_table(fields, suite.floors, width)] if fields and answered else []
        lines.append(terminal.documents_line(results))
        lines += terminal.worst_misses(results, width)
        lines += terminal.advice_lines(results)
        problems = {r.id: suite.notes[r.id] for r in results if r.id in suite.notes and suite.notes[r.id]["problem"]}
        statuses = {case: result.status for case, result in suite.results.items()}
        lines += terminal.problem_groups(suite.header["id"], problems, statuses)
        recorded = sum(note["recorded"] for note in suite.notes.values())
        if recorded:
            lines.append(f"recorded {recorded} cassettes; they hold the documents as they are")
        if not suite.complete:
            lines.append(f"partial run: {len(results)} of {len(suite.dataset_ids)} cases; gate skipped")
        elif suite.verdict is None:
            lines.append("gate skipped")
        else:
            lines += [f"warning: {text}" for text in gate.trivial_floors(suite.floors, suite.header["lost"])]
            lines.append(f"gate: {suite.verdict.value}")
            lines += [f"  {reason}" for reason in suite.reasons]
        return lines
