"""Batches in a run of pytest: collected before anything else is recorded, and sent if that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_llm_extract import clock
from pytest_llm_extract.batches.collect import SuiteCollector
from pytest_llm_extract.batches.collection import Collection, Waiting
from pytest_llm_extract.batches.lock import locked
from pytest_llm_extract.batches.requests import APIS
from pytest_llm_extract.batches.submit import Submission, submit_queued, submit_suite
from pytest_llm_extract.cassette.http.router import routed
from pytest_llm_extract.cassette.sent_batch import BatchFileError, SentBatch, sent_batches
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.recording.plan import RecordingPlan
from pytest_llm_extract.report.batch_lines import collection_lines, stray_lines, submission_lines
from pytest_llm_extract.report.recording_progress import Display
from pytest_llm_extract.session.selected_cases import NoFixtures, Selected

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


class BatchDesk:
    """Sends and collects the batches of the selected suites."""

    def __init__(self, settings: Settings, display: Display) -> None:
        self._settings, self._display = settings, display
        self._left_usd = settings.budget_usd
        self._known: set[str] = set()  # names of batches that were looked at
        self._is_refused = False  # what waited for room: to wait longer would be in vain
        self._shown: dict[str, list[str]] = {}
        self._latest: list[Collection] = []
        self.collections: list[Collection] = []
        self.submissions: list[Submission] = []

    @property
    def problem(self) -> str | None:
        """Why a run that only sends or collects is not a success; None if it is one."""
        if any(one.failed or one.not_kept for one in self.collections):
            return "some requests of batches have no answer"
        return "a batch was not sent" if any(one.problems for one in self.submissions) else None

    @property
    def waits(self) -> bool:
        """Whether a batch goes on."""
        return any(one.waiting for one in self._latest)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep other processes from sending and collecting meanwhile.

        Raises:
            pytest.UsageError: the file of a batch is damaged.
        """
        say = "another process sends or collects batches of this project; waiting for it"
        try:
            with locked(self._settings.cassettes, lambda: self._display.lines([say])):
                yield
        except BatchFileError as error:
            raise pytest.UsageError(str(error)) from None

    def in_files(self, selected: Sequence[Selected]) -> dict[Path, str]:
        """The cassettes that a batch was sent for, as far as its file says, and why they are missing."""
        words = {(batch.suite, file): f"not recorded: {batch.words}" for batch in self._open() for file in batch.files}
        paths = [(job.suite.key, job.path(self._settings)) for group in selected for job in group.jobs]
        return {path: words[suite, path.name] for suite, path in paths if (suite, path.name) in words}

    def collect(self, selected: Sequence[Selected]) -> dict[Path, str]:
        """Collect what ended of the suites' batches, and return the cassettes that wait for others, with words."""
        pause_s = _FIRST_PAUSE_S
        while True:
            with self.opened():
                self._latest = self._collect_once(selected)
            self.collections += self._latest
            goes_on = any(self._goes_on(waiting) for one in self._latest for waiting in one.waiting)
            if self._settings.batch != "wait" or not goes_on:
                return self._waiting()
            clock.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)

    def _goes_on(self, waiting: Waiting) -> bool:
        return not waiting.is_stuck and not (waiting.may_be_sent and self._is_refused)

    def _collect_once(self, selected: Sequence[Selected]) -> list[Collection]:
        batches, collected = self._open(), []
        self._known |= {batch.name for batch in batches}
        waiting: list[tuple[Selected, list[Waiting]]] = []
        for group in selected:
            own = [batch for batch in batches if batch.suite == group.suite.key]
            if own:
                with suppress(NoFixtures), group.set_up() as client:
                    collected.append(self._collect_suite(group, client, own))
                    waiting.append((group, [one for one in collected[-1].waiting if one.may_be_sent]))
        for group, queued in waiting:  # once all that ended has made room
            if queued:
                with suppress(NoFixtures), group.set_up() as client:
                    self._send_queued(group, queued, client)
        self._say("", stray_lines(self._strays(batches, selected)))
        return collected

    def _strays(self, batches: Sequence[SentBatch], selected: Sequence[Selected]) -> list[SentBatch]:
        """Batches of other suites; in a live recording those alone that cases of its own seem to wait for."""
        keys = {group.suite.key for group in selected}
        strays = [batch for batch in batches if batch.suite not in keys]
        if not strays or self._settings.batch is not None:
            return strays
        own = {job.path(self._settings).name for group in selected for job in group.jobs}
        return [batch for batch in strays if not own.isdisjoint(batch.files)]

    def _collect_suite(self, group: Selected, client: Callable[[], Any], own: list[SentBatch]) -> Collection:
        collection = SuiteCollector(group.suite, group.jobs, client, self._settings, own, routed).collect()
        self._say(group.suite.key, collection_lines(collection, self._settings.cassettes))
        return collection

    def _send_queued(self, group: Selected, queued: Sequence[Waiting], client: Callable[[], Any]) -> None:
        """Send what waits for room in the provider's queue, as far as there is some."""
        batches, jobs = [one.batch for one in queued], {job.key: job for one in queued for job in one.jobs}
        submission = submit_queued(group.suite, batches, list(jobs.values()), client, self._settings, routed)
        self._note(submission)
        self._is_refused |= bool(submission.problems)

    def _note(self, submission: Submission) -> None:
        """Keep and show what was sent."""
        self.submissions.append(submission)
        hours = max((APIS[batch.provider].hours for batch in submission.batches), default=24)
        self._say(f"sent {submission.suite}", submission_lines(submission, hours, clock.utc_now()))

    def _say(self, suite: str, lines: list[str]) -> None:
        """Show lines about a suite, unless they were shown a moment ago."""
        if self._shown.get(suite) != lines:
            self._display.lines(lines)
            self._shown[suite] = lines

    def _open(self) -> list[SentBatch]:
        return sent_batches(self._settings.cassettes)

    def _waiting(self) -> dict[Path, str]:
        return {
            job.path(self._settings): f"not recorded: {one.batch.words}"
            for collection in self._latest
            for one in collection.waiting
            for job in one.jobs
        }

    def submit(self, plans: Sequence[tuple[Selected, RecordingPlan]]) -> None:
        """Send what is missing or stale."""
        for group, plan in plans:
            if any(job.key not in plan.shared for job in plan.jobs):
                with self.opened(), suppress(NoFixtures), group.set_up() as client:
                    self._submit_suite(group, plan, client)
        n = sum(one.n_requests for one in self.submissions)
        if not n:
            self._display.lines(["nothing was sent"])

    def _submit_suite(self, group: Selected, plan: RecordingPlan, client: Callable[[], Any]) -> None:
        settings, expected = self._settings, plan.expected
        new = [batch for batch in self._open() if batch.suite == group.suite.key and batch.name not in self._known]
        sent = {file for batch in new for file in batch.files}  # by another process, since this one looked
        jobs = [
            job
            for job in plan.jobs  # those that are shared are copied when the others have come
            if job.key not in plan.shared and job.path(settings).name not in sent
        ]
        submission = submit_suite(group.suite, jobs, client, settings, expected, self._left_usd, routed)
        self._note(submission)
        if self._left_usd is not None and submission.expected is not None:
            self._left_usd -= submission.expected.cost_usd or 0.0


def has_batches(settings: Settings) -> bool:
    """Whether batches were sent and not collected, or are to be sent or collected."""
    return settings.batch is not None or any(settings.cassettes.glob("batch-*.json"))
