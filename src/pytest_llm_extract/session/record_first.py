"""Record before the tests run."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.http.router import routed
from pytest_llm_extract.cassette.http.shared_exchanges import shared_exchanges
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.extraction.event_loop import ready_loop
from pytest_llm_extract.extraction.job import record_mode
from pytest_llm_extract.extraction.same_requests import SameRequests
from pytest_llm_extract.recording.plan import RecordingPlan, plan_suite
from pytest_llm_extract.recording.run import RecordingRun
from pytest_llm_extract.recording.running_plan import RunningPlan
from pytest_llm_extract.report.recording_progress import Display, asked_lines, plan_lines, summary_lines
from pytest_llm_extract.session.batch_desk import BatchDesk, has_batches
from pytest_llm_extract.session.displays import display_of
from pytest_llm_extract.session.garbage import set_aside
from pytest_llm_extract.session.run_scope import calls_no_test
from pytest_llm_extract.session.selected_cases import NoFixtures, Selected, select

# The plans that --llm-extract-plan made, on the config.
PLANS = pytest.StashKey[list[RecordingPlan]]()
# What fixtures asked in a run that plans, by the name of the recording, on the config.
ASKED = pytest.StashKey[Mapping[str, Call]]()
# What a run did with batches, on the config.
DESK = pytest.StashKey[BatchDesk]()


class Recorder:
    """Plans and records in the process that runs the tests."""

    def __init__(self, settings: Settings, run: RecordingRun) -> None:
        self._settings, self._run = settings, run
        self._same = SameRequests(settings)
        self.plans: list[RecordingPlan] = []

    @property
    def asked(self) -> Mapping[str, Call]:
        """What fixtures asked so far, by the name of the recording."""
        return self._run.asked

    def record(self, session: pytest.Session, display: Display) -> BatchDesk:
        """Collect batches, plan all suites, then record them one after the other, or send them in batches.

        Raises:
            pytest.UsageError: `all` was asked for a part of a suite, or the file of a batch is damaged.
        """
        selected = select(session.items)
        self._same.group(group.suite for group in selected)
        self._check_whole(selected)
        desk = BatchDesk(self._settings, display)
        set_aside(session.config)
        with ready_loop():
            waiting = self._waiting(desk, selected)
            if self._settings.batch in (None, "submit"):
                self._plan_and_record(selected, display, desk, waiting)
            elif any(group.suite.others for group in selected):
                self._run.copy([plan for _, plan in self._plans(selected, waiting)])
        return desk

    def _waiting(self, desk: BatchDesk, selected: Sequence[Selected]) -> dict[Path, str]:
        """The cassettes that wait for a batch, and why they are missing; what ended is collected before."""
        if not has_batches(self._settings):
            return {}
        return desk.in_files(selected) if self._settings.plan_only else desk.collect(selected)

    def _plan_and_record(
        self, selected: Sequence[Selected], display: Display, desk: BatchDesk, waiting: Mapping[Path, str]
    ) -> None:
        plans = self._plans(selected, waiting)
        self.plans = [plan for _, plan in plans]
        asked = asked_lines(self._run.asked)
        if plans or asked:
            in_batches = self._settings.batch is not None
            shown = plan_lines([plan.shown for plan in self.plans], in_batches=in_batches)
            display.lines(["", *asked, *shown])
        if self._settings.plan_only:
            return
        self._run.withhold([job for plan in self.plans for job in plan.waiting], waiting)
        self._run.copy(self.plans)  # of all suites, before a cassette is replaced that another variant takes
        if self._settings.batch is not None:
            desk.submit(plans)
            return
        with routed(shared=shared_exchanges(self._settings)):
            for group, plan in plans:
                if plan.jobs:
                    with suppress(NoFixtures):
                        self._record(group, plan, display)

    def _check_whole(self, selected: Sequence[Selected]) -> None:
        for group in selected:
            n, n_all = len(group.items), len(group.suite.cases)
            if n < n_all and record_mode(group.suite, self._settings) == "all":
                raise pytest.UsageError(
                    f"{group.suite.key}: {n} of {n_all} cases are selected, and 'all' records whole suites, since "
                    "choosing what to record again is choosing answers: select the suite, or record what is stale"
                )

    def _plans(self, selected: Sequence[Selected], waiting: Mapping[Path, str]) -> list[tuple[Selected, RecordingPlan]]:
        with routed(shared=shared_exchanges(self._settings)):
            plans = [(group, self._plan(group, waiting)) for group in selected]
        return [(group, plan) for group, plan in plans if plan is not None]

    def _plan(self, group: Selected, waiting: Mapping[Path, str]) -> RecordingPlan | None:
        try:
            with group.set_up() as client:
                return plan_suite(group.jobs, client, self._settings, self._same, waiting)
        except NoFixtures:
            return None

    def _record(self, group: Selected, plan: RecordingPlan, display: Display) -> None:
        start = clock.monotonic_s()
        running = RunningPlan(plan, partial(display.progress, group.suite.key))
        try:
            with group.set_up() as client:
                self._run.record_plan(running, client)
        except KeyboardInterrupt:
            done, total = running.progress.done, running.progress.total
            display.end()
            display.lines(
                [f"{group.suite.key}: interrupted; {done:,} of {total:,} are recorded and kept; run again to continue"]
            )
            raise
        finally:
            display.end()
        took_s, ended = clock.monotonic_s() - start, running.ended.words if running.ended else None
        display.lines(summary_lines(group.suite.key, running.progress, running.n_calls, took_s, ended))


class RecordFirst:
    """Hooks of a process that runs tests and may record."""

    def __init__(self, config: pytest.Config, recorder: Recorder) -> None:
        self._config, self._recorder = config, recorder

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Record before the first test, unless no test will run."""
        if not _will_not_run(session):
            self._recorder.record(session, display_of(self._config))
        return (yield)


class NoTests:
    """Hooks of a run that plans, sends batches or collects them, and runs no test."""

    def __init__(self, config: pytest.Config, recorder: Recorder) -> None:
        self._config, self._recorder = config, recorder

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Do that instead of running tests; fail where a request has no answer or was not sent."""
        if _will_not_run(session):
            return None
        desk = self._recorder.record(session, display_of(self._config, even_quiet=True))
        self._config.stash[PLANS], self._config.stash[DESK] = self._recorder.plans, desk
        self._config.stash[ASKED] = self._recorder.asked
        if desk.problem is not None:
            raise session.Failed(desk.problem)
        return True


def _will_not_run(session: pytest.Session) -> bool:
    option = session.config.option
    return calls_no_test(session.config) or bool(session.testsfailed and not option.continue_on_collection_errors)
