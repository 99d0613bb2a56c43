"""One run that records: at what pace, within which budget, and what came of each job."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_llm_extract.call import Call, Failure, record, replay
from pytest_llm_extract.cassette.diff import VOLATILE
from pytest_llm_extract.cassette.exchange import Exchange
from pytest_llm_extract.config import Settings
from pytest_llm_extract.files import check_writable
from pytest_llm_extract.outcome import Status
from pytest_llm_extract.placeholder import placeholder_key
from pytest_llm_extract.prices import cost_usd, dollars, has_price
from pytest_llm_extract.record.budget import Budget
from pytest_llm_extract.record.job import LEFT_TO_TESTS, Job, Key, is_wanted, record_mode, variant_folder
from pytest_llm_extract.record.pace import Pace
from pytest_llm_extract.record.plan import Plan
from pytest_llm_extract.record.threads import in_threads
from pytest_llm_extract.recording import Progress

if TYPE_CHECKING:
    from pytest_llm_extract.record.shared import Shared

_BUSY = frozenset({429, 503, 529})
_MAX_TRIES = 5  # after an error; a provider that only asks to wait is asked again for as long as patience lasts
_PATIENCE_S = 600.0
_LONGEST_WAIT_S = 120.0
_BACKOFF_S, _LONGEST_BACKOFF_S = 0.25, 8.0
_HOPELESS = 10  # that many failures and no success: the rest would fail too


class CrashElsewhere(Exception):
    """The extractor raised while another worker recorded."""

    def __init__(self, trace: str) -> None:
        super().__init__(trace)
        self.trace = trace

    def __str__(self) -> str:
        return f"{self.trace.strip().rpartition(chr(10))[2]}, while another worker recorded:\n{self.trace}"


@dataclass(frozen=True)
class Outcome:
    """What came of a job, for the test of its case; `error` is the extractor's crash."""

    recorded: bool
    status: Status
    problem: str | None
    error: Exception | None = None

    @classmethod
    def of(cls, call: Call) -> Outcome:
        """Of a call that tried to record."""
        crash = call.error if call.status is Status.ERROR else None
        return cls(call.recorded, call.status, call.problem, crash)

    def to_wire(self, key: Key, hide: Callable[[str], str]) -> dict[str, Any]:
        """Plain builtins; of a crash its traceback, out of which `hide` takes secrets that only this process knows."""
        return {
            "key": list(key),
            "recorded": self.recorded,
            "status": self.status.value,
            "problem": self.problem,
            "crash": hide("".join(traceback.format_exception(self.error))) if self.error else None,
        }

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Outcome:
        """The inverse of `to_wire`, with what another process can know of a crash."""
        error = CrashElsewhere(wire["crash"]) if wire["crash"] else None
        return cls(wire["recorded"], Status(wire["status"]), wire["problem"], error)


class RecordingRun:
    """Records the jobs of a plan at once, and in its test what only a test can record.

    `shared` is what the workers of a run know in common; None where one process runs all tests.
    """

    def __init__(self, settings: Settings, shared: Shared | None) -> None:
        self._settings, self._shared = settings, shared
        self._pace, self._budget = Pace(), Budget(settings.budget_usd)
        self._outcomes: dict[Key, Outcome] = {}
        self._refused = False

    def refuse(self) -> None:
        """Record nothing, also not in tests: what was asked for cannot be done."""
        self._refused = True

    def load(self) -> None:
        """Learn what another worker recorded."""
        assert self._shared is not None  # only workers get here
        self._refused = self._shared.problem is not None
        for wire in self._shared.outcomes():
            self._outcomes[tuple(wire["key"])] = Outcome.from_wire(wire)

    def record_plan(self, plan: Plan, client: Callable[[], Any], show: Callable[[Progress], None]) -> Batch:
        """Record all jobs of a plan, as many at a time as the settings allow, each written when it is made."""
        batch = Batch(plan, show)
        model = plan.suite.call.model if plan.suite.call else None
        if self._budget.limit_usd is not None and model is not None and not has_price(model):
            batch.end(_unpriced(model))
        folder = variant_folder(plan.suite, self._settings)
        try:
            check_writable(folder)
        except OSError as error:
            batch.end(Failure(f"{folder} cannot be written to: {error.strerror}", is_final=True))
        threads = min(plan.suite.concurrency or self._settings.concurrency, len(plan.jobs))
        with placeholder_key():  # held all the time, so that it does not come and go under the threads
            in_threads(partial(self._record_job, batch, client), plan.jobs, threads, batch.stop)
        return batch

    def _record_job(self, batch: Batch, client: Callable[[], Any], job: Job) -> None:
        function = job.function(client)
        assert function is not None  # plans hold no other jobs
        try:
            call = batch.left(job) if batch.ended else self._record_in_batch(batch, job, function)
        except LEFT_TO_TESTS:
            call = None
        batch.add(call)
        if call is None:
            return
        outcome = self._outcomes[job.key] = Outcome.of(call)
        if self._shared is not None:
            self._shared.add_outcome(outcome.to_wire(job.key, self._settings.storage.watch.hide))

    def _record_in_batch(self, batch: Batch, job: Job, function: Callable[[], Any]) -> Call:
        tries = self._tries(job, function, batch.stop)
        call = self._within_budget(map(batch.spend, tries), partial(batch.price, job))
        if call is None:
            batch.end(Failure(_over_budget(self._budget, batch.price(job)), is_final=True))
            return batch.left(job)
        if self._budget.limit_usd is not None and call.recorded and _cost(call) is None:
            batch.end(_unpriced(call.facts.get("model")))
        return call

    def _within_budget(self, tries: Iterator[Call], price: Callable[[], float | None]) -> Call | None:
        """The last of these tries; None, with nothing tried, where their price does not fit in."""
        reserved = self._budget.admit(price)
        if reserved is None:
            return None
        cost = 0.0
        try:
            for call in tries:
                cost += _cost(call) or 0.0
        finally:
            self._budget.settle(reserved, cost)
        return call

    def _tries(self, job: Job, function: Callable[[], Any], stop: threading.Event) -> Iterator[Call]:
        """Record a case until it is recorded, or there is no sense in trying again; the last call is the outcome."""
        slot, first, errors = job.slot(self._settings), time.monotonic(), 0
        while True:
            started = self._pace.wait(stop)
            call = record(function, slot, partial(self._heard, started))
            yield call
            failure = call.failure
            if failure is None or not failure.is_transient or stop.is_set():
                return
            errors += failure.status not in _BUSY
            waits_s = failure.retry_after_s or 0.0
            is_over = time.monotonic() - first + waits_s > _PATIENCE_S
            if errors == _MAX_TRIES or waits_s > _LONGEST_WAIT_S or is_over:
                return
            if failure.status not in _BUSY:
                stop.wait(min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2**errors) * random.uniform(0.5, 1.0))

    def _heard(self, started: float, exchange: Exchange) -> None:
        if exchange.status in _BUSY:
            self._pace.refused(started, exchange.retry_after_s)
        elif exchange.status < 500:
            self._pace.answered()

    def call(self, job: Job, function: Callable[[], Any]) -> Call:
        """What the test of a case gets: its replay, once it was recorded where that was asked for."""
        outcome = self._outcomes.get(job.key)
        if outcome is not None and not outcome.recorded:
            return Call(outcome.status, problem=outcome.problem, error=outcome.error)
        mode = "none" if self._refused else record_mode(job.suite, self._settings)
        call = replay(function, job.slot(self._settings)) if outcome or mode != "all" else None
        if outcome is not None and call is not None:
            return _as_recorded(call)
        if call is None or is_wanted(call.status, mode):
            return self._record_in_test(job, function, call.status if call else Status.STALE)
        return call

    def _record_in_test(self, job: Job, function: Callable[[], Any], before: Status) -> Call:
        with self._turn():
            call = self._within_budget(self._tries(job, function, threading.Event()), lambda: None)
            return call or Call(before, problem=f"not recorded: {_over_budget(self._budget, None)}")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Alone among the workers, which share one budget."""
        if self._shared is None:
            yield
            return
        with self._shared.lock:
            self._budget.spent_usd = self._shared.spent_usd
            try:
                yield
            finally:
                self._shared.spent_usd = self._budget.spent_usd


def _as_recorded(call: Call) -> Call:
    call.recorded = True
    if call.change is not None:
        # A value that differs in every request would be stale for ever.
        cause = f"{call.change.cause}, though it was recorded a moment ago: {call.change.hint or VOLATILE}"
        call.change, call.problem = replace(call.change, cause=cause, hint=None), cause
    return call


def _cost(call: Call) -> float | None:
    return cost_usd(call.facts.get("model"), call.usage)


def _over_budget(budget: Budget, price: float | None) -> str:
    more = f", and the next recording may cost {dollars(price)}" if price is not None else ""
    return f"the budget of {dollars(budget.limit_usd)} does not allow it: {dollars(budget.spent_usd)} is spent{more}"


def _unpriced(model: str | None) -> Failure:
    return Failure(f"the price of model {model!r} is not known, so no budget can be kept", is_final=True)


class Batch:
    """The jobs of one plan while they are recorded: what they took so far, and why no more of them are begun."""

    def __init__(self, plan: Plan, show: Callable[[Progress], None]) -> None:
        self._plan, self._show = plan, show
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._dearest: float | None = None
        self.stop = threading.Event()
        self.ended: Failure | None = None
        self.progress = Progress(len(plan.jobs))
        self.n_calls = 0

    def price(self, job: Job) -> float | None:
        """What a job is expected to cost at most: as before, or as the dearest so far; None when nothing tells."""
        before = self._plan.expected.get(job.key)
        known = [cost for cost in (before.cost_usd if before else None, self._dearest) if cost is not None]
        return max(known) if known else None

    def spend(self, call: Call) -> Call:
        """Add up what a try took, whatever came of it; gives it back."""
        usage, cost = call.usage, _cost(call)
        with self._lock:
            self.n_calls += len(call.facts.get("fingerprints", ()))
            if cost is not None:
                self._dearest = max(cost, self._dearest or 0.0)
            total = self.progress.cost_usd
            unknown = total is None or (cost is None and usage.input_tokens > 0)
            self._update(
                tokens=self.progress.tokens + usage.input_tokens + usage.output_tokens,
                cost_usd=None if unknown else (total or 0.0) + (cost or 0.0),
            )
        return call

    def add(self, call: Call | None) -> None:
        """A job is over, None: its test will try. What all others would meet too ends the batch."""
        recorded, failure = call is not None and call.recorded, call.failure if call else None
        with self._lock:
            done = self.progress.done + recorded
            failed = self.progress.failed + (not recorded)
            took_s = time.monotonic() - self._start
            left_s = took_s / (done + failed) * (self.progress.total - done - failed)
            self._update(done=done, failed=failed, left_s=left_s)
            hopeless = failed >= _HOPELESS and not done
        if failure is not None and (failure.is_final or hopeless):
            self.end(failure)
        self._show(self.progress)

    def end(self, failure: Failure) -> None:
        """Begin no more jobs."""
        self.ended = self.ended or failure

    def left(self, job: Job) -> Call:
        """What comes of a job that is not begun: it is what it was, for the reason that ended the batch."""
        assert self.ended is not None  # end() was called
        status = Status.MISSING if self._plan.probes[job.key].status is Status.MISSING else Status.STALE
        return Call(status, problem=f"not recorded: {self.ended.words}", failure=self.ended)

    def _update(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)
