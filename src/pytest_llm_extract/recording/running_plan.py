"""The jobs of one plan while they are recorded."""

from __future__ import annotations

import math
from collections.abc import Callable

from pytest_llm_extract import clock
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.extraction.job import Job
from pytest_llm_extract.extraction.recording_failure import Failure
from pytest_llm_extract.recording.plan import RecordingPlan
from pytest_llm_extract.recording.progress import Progress
from pytest_llm_extract.recording.shown_progress import ShownProgress
from pytest_llm_extract.results.outcome import Status

_HOPELESS = 10  # that many failures or rejections and no success: the rest would fail too


class RunningPlan(ShownProgress):
    """The jobs of one plan while they are recorded: their use so far, and why no more are begun."""

    def __init__(self, plan: RecordingPlan, show: Callable[[Progress], None]) -> None:
        super().__init__(len(plan.jobs), show)
        self.plan = plan
        self._start = clock.monotonic_s()
        self._dearest: float | None = None
        self._n_unanswered = 0  # jobs without an answer of the model, also those that the provider rejected
        self.ended: Failure | None = None
        self.n_calls = 0

    def price(self, job: Job) -> float | None:
        """The highest expected price of a job: as before, or the dearest so far; None if unknown.

        Infinite once the plan has ended, so that no budget admits a job that waited for the end of another one.
        """
        if self.ended is not None:
            return math.inf
        before = self.plan.expected.get(job.key)
        known = [cost for cost in (before.cost_usd if before else None, self._dearest) if cost is not None]
        return max(known) if known else None

    def spend(self, call: Call) -> Call:
        """Add the tokens and cost of a try, and return the try."""
        usage, cost = call.usage, call.cost_usd
        with self._lock:
            self.n_calls += len(call.facts.fingerprints)
            if cost is not None:
                self._dearest = max(cost, self._dearest or 0.0)
            total = self.progress.cost_usd
            has_cost = bool(call.by_model) or (call.recorded and not call.facts.answers.rejected)
            unknown = total is None or (cost is None and has_cost)
            self._update(
                tokens=self.progress.tokens + usage.input_tokens + usage.output_tokens,
                cost_usd=None if unknown else (total or 0.0) + (cost or 0.0),
            )
        return call

    def add(self, call: Call) -> None:
        """Add a finished job. A failure that all others would meet ends the plan."""
        recorded, failure, rejected = call.recorded, call.failure, call.facts.answers.rejected
        with self._lock:
            done = self.progress.done + recorded
            failed = self.progress.failed + (not recorded)
            took_s = clock.monotonic_s() - self._start
            left_s = took_s / (done + failed) * (self.progress.total - done - failed)
            self._update(done=done, failed=failed, left_s=left_s, retry=None, retry_in_s=None)
            self._n_unanswered += not recorded or rejected is not None
            hopeless = self._n_unanswered >= _HOPELESS and self._n_unanswered == done + failed
            if not self.stop.is_set():  # a call may outlive a run that was interrupted
                self._show(self.progress)
        if failure is None and rejected is not None:
            failure = Failure(rejected)
        if failure is not None and (failure.is_final or hopeless):
            self.end(failure)

    def end(self, failure: Failure) -> None:
        """Begin no more jobs."""
        self.ended = self.ended or failure

    def left(self, job: Job) -> Call:
        """The result of a job that is not begun: unchanged, with the reason that ended the plan."""
        assert self.ended is not None  # end() was called
        status = Status.MISSING if self.plan.probes[job.key].status is Status.MISSING else Status.STALE
        return Call(status, problem=f"not recorded: {self.ended.words}", failure=self.ended)
