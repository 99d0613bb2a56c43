"""The main process of a run with suites: judge each suite, publish verdicts, write reports."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.config.ci import is_ci, is_github
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.report.write import write_heading, write_lines
from pytest_llm_extract.session.gate_tests import GateReport, GateTests
from pytest_llm_extract.session.grouped_failures import GroupedFailures
from pytest_llm_extract.session.local_network import outside_requests
from pytest_llm_extract.session.missing_suites import Absent
from pytest_llm_extract.session.run_counts import RunCounts
from pytest_llm_extract.session.run_scope import is_narrowed
from pytest_llm_extract.session.stash import settings_of
from pytest_llm_extract.session.suite_run import SuiteRun, ignored_files
from pytest_llm_extract.wording import count_cases

if TYPE_CHECKING:
    from pytest_llm_extract.comparison.compare import VariantComparison
    from pytest_llm_extract.lints.lint_report import LintReport
    from pytest_llm_extract.report.terminal import Form
    from pytest_llm_extract.results.case_report import CaseReport
    from pytest_llm_extract.results.suite_result import SuiteResult


def _escaped(name: str) -> str:
    """A name escaped to ASCII, as in node ids."""
    return name.encode("unicode_escape").decode()


class Controller:
    """Judges the suites of a run and writes reports; `counts` knows which tests were left out."""

    def __init__(self, session: pytest.Session, counts: RunCounts) -> None:
        self.session, self.config, self.counts = session, session.config, counts
        self.settings = settings_of(session.config)
        self.suites: dict[str, SuiteRun] = {}
        self.write_problems: list[str] = []
        self.left_behind: list[str] = []
        self.report_notes: list[str] = []
        self.job_lines: list[str] = []
        self.gates = GateTests(session)
        self.failures = GroupedFailures(session.config)
        session.config.pluginmanager.register(self.failures, "llm_extract_failures")

    def add(self, report: pytest.TestReport, sent: CaseReport) -> None:
        """Add the result of a case; the last report of a case wins."""
        if sent.head is not None and sent.suite_key not in self.suites:
            self.suites[sent.suite_key] = SuiteRun(sent.head, sent.lost or {}, sent.place)
            if sent.head.is_gated and not self.counts.n_deselected and not is_narrowed(self.config):
                self.gates.announce(sent.suite_key)
        run = self.suites[sent.suite_key]
        run.results[sent.case.id] = sent.case
        run.notes[sent.case.id] = sent.note
        if report.failed:
            self.failures.add(report.nodeid, sent.suite_key, sent.note.status, visible(sent.case.id))
        if sent.entry is not None:
            run.entries[sent.case.id] = sent.entry

    def judge(self) -> None:
        """Judge every suite, and report the gates and the suites that are gone."""
        # As collected, in whatever order workers or plugins ran them.
        self.suites = dict(sorted(self.suites.items(), key=lambda named: named[1].place))
        self._add_crashed()
        unasked = self._unasked()
        self._audit()
        for run in self.suites.values():
            self._gate(run)
        absent = self._absent()
        for suite_id, reasons in absent.reasons().items():
            self.gates.publish(suite_id, "failed", GateReport(reasons, suite_id))
        heads = [run.head for run in self.suites.values()]
        sources = {head.baseline.source for head in heads if head.baseline}
        self.left_behind = [*absent.left_behind(sources), *unasked]
        if self.settings.record != "none":
            self._note_formulations()

    def _audit(self) -> None:
        """Against another revision: what this branch changed about its judge in files."""
        gated = [run for run in self.suites.values() if run.head.is_gated]
        if not gated:
            return
        from pytest_llm_extract.baseline.find import revision_of

        if (revision := revision_of(self.settings)) is None:
            return
        from pytest_llm_extract.base_branch.branch import Branch

        branch = Branch(revision, self.settings)
        for run in gated:
            accepted = {case.id for case in run.results.values() if case.baseline is not None}
            notes = branch.of_suite(run.head.key, run.head.dataset, accepted)
            run.head = run.head._replace(judge_notes=(*run.head.judge_notes, *notes))

    def _unasked(self) -> list[str]:
        """What is recorded for all cases, and nobody asked for. Before gates fail, which says nothing about that."""
        if self.counts.n_deselected or self.counts.n_uncollected or self.counts.skipped or not self.suites:
            return []
        from pytest_llm_extract.session.unasked_recordings import unasked_lines

        return unasked_lines(self.session, self.settings, self.counts.asked_of_workers)

    def _absent(self) -> Absent:
        gated = [suite_id for suite_id, run in self.suites.items() if run.decision is not None]
        ran = {key: run.head.dataset_ids for key, run in self.suites.items()}
        return Absent(self.session, self.settings, ran, gated, self.counts)

    def _add_crashed(self) -> None:
        if not self.suites:
            return
        from pytest_llm_extract.results.case_result import CaseResult

        for nodeid in self.counts.crashed:
            for run in self.suites.values():
                prefix = f"{run.head.id}[" + ("" if run.head.is_primary else f"{_escaped(run.head.variant)}-")
                if nodeid.startswith(prefix):
                    lost = [case for case in run.head.dataset_ids if case not in run.results]
                    shown = nodeid[len(prefix) : nodeid.rindex("]")]
                    # The case is the missing one that reads like it; a shortened or changed id is the first missing.
                    same = [case for case in lost if _escaped(case) == shown]
                    for case in same or (lost[:1] if self._has_no_variants(run) else []):
                        run.results[case] = CaseResult.from_wire(run.lost[case])

    def _has_no_variants(self, run: SuiteRun) -> bool:
        return sum(other.head.id == run.head.id for other in self.suites.values()) == 1

    def _gate(self, run: SuiteRun) -> None:
        from pytest_llm_extract.gate.decide import decide, failures

        suite = run.suite
        if not suite.is_gated:
            return
        decision = decide(suite)
        gated = decision.verdict is not None
        run.decision = decision if gated else None
        problem = self._accept(run) if self.settings.accept else None
        if self.settings.accept and problem is None and not is_ci():
            # A person may accept a regression; floors hold all the same. In CI nobody looked at it.
            kept = suite.baseline if self.settings.accept == "anchor" else None
            decision = decide(suite._replace(baseline=kept, anchor=None))
        reasons = [*([problem] if problem else []), *(failures(suite, decision) if gated else self._ungated(suite))]
        if self.settings.require_baseline and suite.baseline is None and not self.settings.accept:
            reasons.append("there is no baseline, and the run requires one: pytest --llm-extract-accept, and commit it")
        if reasons:
            self.gates.publish(suite.key, "failed", GateReport(reasons, suite.id, run.shows(reasons)))
        elif gated:
            self.gates.publish(suite.key, "passed", None)
        elif suite.complete:
            self.gates.publish(suite.key, "skipped", ("", 0, "Skipped: every case was skipped"))

    def _ungated(self, suite: SuiteResult) -> list[str]:
        """Why a suite without a verdict fails the build all the same."""
        if not self.settings.require_complete:
            return []
        what = "every case was skipped"
        if not suite.complete:
            what = f"partial run: {len(suite.cases)} of {count_cases(len(suite.dataset_ids))}"
        return [f"{what}, and the run is required to be complete"]

    def _note_formulations(self) -> None:
        """Write down what was recorded for each suite, so that later comparisons can say how often was tried."""
        from pytest_llm_extract.baseline.formulations import note_formulations
        from pytest_llm_extract.errors import LlmExtractError
        from pytest_llm_extract.results.suite_result import variants_by_id

        for suites in variants_by_id(run.suite for run in self.suites.values()).values():
            try:
                note_formulations(suites, self.settings)
            except LlmExtractError as error:
                self.left_behind.append(f"formulations not written down: {error}")

    def _accept(self, run: SuiteRun) -> str | None:
        """Accept the answers of a suite; why they could not be."""
        from pytest_llm_extract.baseline.accept import write_accepted
        from pytest_llm_extract.errors import LlmExtractError

        try:
            run.said += write_accepted(run.suite, run.entries, run.decision, self.settings)
        except LlmExtractError as error:
            return f"not accepted: {error}"
        run.decision = run.decision and run.decision.once_accepted()
        return None

    @cached_property
    def _comparisons(self) -> list[VariantComparison]:
        """The variants of each suite against each other, once all of them ran."""
        if all(run.head.is_primary for run in self.suites.values()):
            return []
        from pytest_llm_extract.comparison.compare import compare_suites

        return compare_suites([run.suite for run in self.suites.values()])

    @cached_property
    def _lints(self) -> list[LintReport]:
        """What is wrong with the golden data of each suite that ran whole; no more than errors without a report."""
        whole = [run.suite for run in self.suites.values() if run.suite.complete]
        if not self._writes_reports and not any(suite.may_be_contaminated for suite in whole):
            return []  # nothing to look for, so lints are not imported
        from pytest_llm_extract.lints.lint_report import lint_results, linted_by_runs

        return lint_results(linted_by_runs(whole), errors_only=not self._writes_reports)

    @property
    def _writes_reports(self) -> bool:
        return bool(self.settings.reports) or is_github()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports that were asked for, if there is anything to write."""
        if not (self.suites and self._writes_reports):
            return
        from pytest_llm_extract.report.registry import job_lines, write_reports
        from pytest_llm_extract.report.run_results import run_results

        suites = [(run.suite, run.decided) for run in self.suites.values()]
        documents = self.settings.documents
        results = run_results(suites, self._comparisons, self.settings.rootdir, documents, lints=self._lints)
        self.job_lines = job_lines(results)
        self.write_problems, self.report_notes = write_reports(self.settings.reports, results)
        if self.write_problems:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the table of each suite, its worst misses, and what is stale or missing."""
        self.failures.shorten(terminalreporter)
        if not (self.suites or self.left_behind):
            return
        from pytest_llm_extract.report import terminal
        from pytest_llm_extract.report.lint_findings import lint_summary
        from pytest_llm_extract.report.variants import variants_lines

        form = self._form(terminalreporter)
        terminalreporter.ensure_newline()  # or it comes later, between a heading and its table
        for run in self.suites.values():
            if not run.head.is_gated and self.config.option.verbose < 1:
                continue  # the comparison has what there is to say of it
            write_heading(terminalreporter, run.title)
            lines = terminal.suite_lines(run.suite, run.decided, run.notes, form, run.said)
            write_lines(terminalreporter, lines)
        for comparison in self._comparisons:
            write_heading(terminalreporter, f"llm-extract: variants of {comparison.suite}")
            write_lines(terminalreporter, form.fit(variants_lines(comparison, form.width), 60))
        for report in self._lints:
            write_lines(terminalreporter, form.fit(lint_summary(report), 60))
        outside = outside_requests(self.config).lines()
        ignored = ignored_files(self.suites.values(), self.settings)
        notes = [f"note: {note}" for note in (*self.left_behind, *self.report_notes, *outside, *ignored)]
        write_lines(terminalreporter, form.fit(notes, 9))
        write_lines(terminalreporter, self.write_problems, red=True)
        write_lines(terminalreporter, self.job_lines)

    def _form(self, reporter: Any) -> Form:
        from pytest_llm_extract.report.terminal import Form

        settings = self.settings
        return Form(
            reporter._tw.fullwidth,
            self.config.option.verbose,
            wraps=reporter.isatty,
            record_flag=settings.record_flag,
            keeps_requests=settings.storage.keeps_requests,
            has_letters=self.config.option.verbose < 1,
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Free all results before pytest and Python visit every remaining object."""
        self.suites.clear()
