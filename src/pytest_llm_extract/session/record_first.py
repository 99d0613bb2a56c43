"""Record before the tests run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.http.router import routed
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.credentials.placeholder_key import placeholder_key
from pytest_llm_extract.extraction.event_loop import ready_loop
from pytest_llm_extract.extraction.job import Job, jobs_of, record_mode
from pytest_llm_extract.extraction.same_requests import SameRequests
from pytest_llm_extract.recording.batch import Batch
from pytest_llm_extract.recording.plan import RecordingPlan, plan_suite, recorded_twice
from pytest_llm_extract.recording.run import RecordingRun
from pytest_llm_extract.report.recording_progress import (
    Bar,
    Display,
    Log,
    Quiet,
    Silent,
    plan_lines,
    summary_lines,
    twice_lines,
)
from pytest_llm_extract.session.selection import calls_no_test
from pytest_llm_extract.session.stash import suite_and_case
from pytest_llm_extract.suites.suite import Suite

# The plans that --llm-extract-plan made, on the config.
PLANS = pytest.StashKey[list[RecordingPlan]]()
# What ends a fixture and is for its tests to take.
_LEFT_TO_TESTS = (SystemExit, pytest.skip.Exception, pytest.fail.Exception)


class NoFixtures(Exception):
    """The tests of a suite skip or cannot be set up. They report that themselves."""


class Selected:
    """The selected cases of one suite, and the test by whose fixtures they are recorded."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.items: list[pytest.Item] = []
        self.jobs: list[Job] = []

    @contextmanager
    def set_up(self, first: pytest.Item | None) -> Iterator[Callable[[], Any]]:
        """The fixtures of a test, without the test, so that recording finds what the tests will find.

        Gives what finds `llm_client`. `first` is the test that runs first in this process (its fixtures stay), None
        where that is not known.

        Raises:
            NoFixtures: they skip or fail. A teardown that fails is passed over: the tests tear down again.
        """
        item = self.items[-1]
        # What an earlier suite left set up for the first test may not be in the way of this one.
        item.session._setupstate.teardown_exact(item)
        try:
            try:
                item.ihook.pytest_runtest_setup(item=item)
                client = self._client(item)
            except (Exception, *_LEFT_TO_TESTS) as error:
                raise NoFixtures from error
            yield client
        finally:
            with suppress(Exception, *_LEFT_TO_TESTS):
                item.ihook.pytest_runtest_teardown(item=item, nextitem=None if first is item else first)
            item._initrequest()  # type: ignore[attr-defined]  # or its test would get the values that were torn down

    def _client(self, item: pytest.Item) -> Callable[[], Any]:
        if self.suite.call is None:
            return lambda: None
        with placeholder_key():
            client = item._request.getfixturevalue("llm_client")  # type: ignore[attr-defined]
        return lambda: client


def select(items: Sequence[pytest.Item]) -> list[Selected]:
    """The suites and cases of these tests, in order."""
    found: dict[str, Selected] = {}
    for item in items:
        if (param := suite_and_case(item)) is not None:
            selected = found.setdefault(param[0].key, Selected(param[0]))
            selected.items.append(item)
            selected.jobs += jobs_of(*param)
    return list(found.values())


class Recorder:
    """Plans and records in the process that runs the tests."""

    def __init__(self, settings: Settings, run: RecordingRun) -> None:
        self._settings, self._run = settings, run
        self._same = SameRequests(settings)
        self.plans: list[RecordingPlan] = []

    def record(self, session: pytest.Session, display: Display) -> None:
        """Plan all suites, then record them one after the other.

        Raises:
            pytest.UsageError: `all` was asked for a part of a suite.
        """
        selected = select(session.items)
        first = session.items[0] if selected else None
        self._check_whole(selected)
        with routed(), ready_loop():
            plans = [(group, plan) for group in selected if (plan := self._plan(group, first)) is not None]
            self.plans = [plan for _, plan in plans]
            if plans:
                shown = plan_lines([plan.shown for plan in self.plans])
                display.lines(["", *shown, *twice_lines(recorded_twice(self.plans))])
            if self._settings.plan_only:
                return
            self._run.copy(self.plans)  # of all suites, before a cassette is replaced that another variant takes
            for group, plan in plans:
                if plan.jobs:
                    with suppress(NoFixtures):
                        self._record(group, plan, first, display)

    def _check_whole(self, selected: Sequence[Selected]) -> None:
        for group in selected:
            n, n_all = len(group.items), len(group.suite.cases)
            if n < n_all and record_mode(group.suite, self._settings) == "all":
                raise pytest.UsageError(
                    f"{group.suite.key}: {n} of {n_all} cases are selected, and 'all' records whole suites, since "
                    "choosing what to record again is choosing answers: select the suite, or record what is stale"
                )

    def _plan(self, group: Selected, first: pytest.Item | None) -> RecordingPlan | None:
        try:
            with group.set_up(first) as client:
                return plan_suite(group.jobs, client, self._settings, self._same)
        except NoFixtures:
            return None

    def _record(self, group: Selected, plan: RecordingPlan, first: pytest.Item | None, display: Display) -> None:
        start = clock.monotonic_s()
        batch = Batch(plan, partial(display.progress, group.suite.key))
        try:
            with group.set_up(first) as client:
                self._run.record_batch(batch, client)
        except KeyboardInterrupt:
            done, total = batch.progress.done, batch.progress.total
            display.end()
            display.lines(
                [f"{group.suite.key}: interrupted; {done:,} of {total:,} are recorded and kept; run again to continue"]
            )
            raise
        finally:
            display.end()
        took_s, ended = clock.monotonic_s() - start, batch.ended.words if batch.ended else None
        display.lines(summary_lines(group.suite.key, batch.progress, batch.n_calls, took_s, ended))


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


class PlanOnly:
    """Hooks of --llm-extract-plan."""

    def __init__(self, config: pytest.Config, recorder: Recorder) -> None:
        self._config, self._recorder = config, recorder

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Show the plan instead of running tests."""
        if _will_not_run(session):
            return None
        self._recorder.record(session, display_of(self._config, even_quiet=True))
        self._config.stash[PLANS] = self._recorder.plans
        return True


def _will_not_run(session: pytest.Session) -> bool:
    option = session.config.option
    return calls_no_test(session.config) or bool(session.testsfailed and not option.continue_on_collection_errors)


def display_of(config: pytest.Config, *, even_quiet: bool = False) -> Display:
    """A bar on a terminal, lines elsewhere, few of them with -q, none without a terminal reporter."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return Silent()
    if config.option.verbose < 0 and not even_quiet:
        return Quiet(reporter)
    return Bar(reporter) if reporter.isatty else Log(reporter)
