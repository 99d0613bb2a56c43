"""Record the jobs of a run within its pace and budget."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.file.exchange import Exchange
from pytest_llm_extract.cassette.file.load import check_inside
from pytest_llm_extract.cassette.file.save import write_cassette
from pytest_llm_extract.cassette.file.staleness import VOLATILE
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.credentials.placeholder_key import placeholder_key
from pytest_llm_extract.errors import CassetteError
from pytest_llm_extract.extraction.call import Call, record, replay
from pytest_llm_extract.extraction.job import Job, Key, is_wanted, record_mode, variant_folder
from pytest_llm_extract.extraction.recording_failure import Failure, is_too_long
from pytest_llm_extract.extraction.same_requests import Source, holds_requests
from pytest_llm_extract.extraction.slot import Slot
from pytest_llm_extract.formats.atomic_write import check_writable
from pytest_llm_extract.recording.budget import Budget
from pytest_llm_extract.recording.places import Places, threads_for
from pytest_llm_extract.recording.plan import RecordingPlan
from pytest_llm_extract.recording.progress import Progress
from pytest_llm_extract.recording.rate_limit import Pace
from pytest_llm_extract.recording.running_plan import RunningPlan
from pytest_llm_extract.recording.shown_progress import ShownProgress
from pytest_llm_extract.recording.thread_pool import in_threads
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.prices import dollars, has_price, load_prices

if TYPE_CHECKING:
    from pytest_llm_extract.suites.suite import Suite

_BUSY = frozenset({429, 503, 529})
_MAX_TRIES = 5  # after an error; a provider that only asks to wait is asked again for as long as patience lasts
_PATIENCE_S = 600.0
_BACKOFF_S, _LONGEST_BACKOFF_S = 0.25, 8.0
_jitter = random.Random()  # of its own, so that a seeded test draws the same numbers


class JobResult(NamedTuple):
    """The result of a recording job for its test. `error` is the extractor's crash."""

    recorded: bool
    status: Status
    problem: str | None
    error: BaseException | None

    @classmethod
    def of(cls, call: Call) -> JobResult:
        """Make the result of a call that tried to record."""
        return cls(call.recorded, call.status, call.problem, call.error if call.status is Status.ERROR else None)


class RecordingRun:
    """Records the jobs of a plan at once, and in its test what only a test can record."""

    def __init__(self, settings: Settings, display: Callable[[], Callable[[str, Progress], None]]) -> None:
        """Record with these settings; `display` is called for what shows one recording that is made in a test."""
        self._settings, self._display = settings, display
        self._pace, self._budget = Pace(), Budget(settings.budget_usd)
        self._results: dict[Key, JobResult] = {}
        self._unpriced_model: str | None = None  # of a recording in a test; no budget can be kept after it
        self.asked: dict[str, Call] = {}  # by fixtures, by the name of the recording
        self._asking: dict[str, threading.RLock] = {}  # the same

    def copy(self, plans: Iterable[RecordingPlan]) -> None:
        """Copy the recordings that another variant has of the very same requests."""
        by_file: dict[tuple[str, str], list[tuple[Job, Source]]] = {}
        for job, source in (copy for plan in plans for copy in plan.copies):
            by_file.setdefault((job.suite.id, source.cassette.name), []).append((job, source))
        for copies in by_file.values():
            texts = [_text(source) for _, source in copies]  # before any is replaced, since variants may change places
            for (job, _), text in zip(copies, texts, strict=True):
                self._results[job.key] = JobResult.of(self._written(job, text))

    def _written(self, job: Job, text: str | Failure) -> Call:
        """The result of a job whose recording is copied. Its tokens were paid for by another variant."""
        path = job.path(self._settings)
        try:
            if isinstance(text, str):
                check_inside(path, self._settings.cassettes)
                write_cassette(path, text)
                return Call(recorded=True)
            failure = text
        except CassetteError as error:
            failure = Failure(str(error))
        return Call(Status.MISSING, problem=f"not recorded: {failure.words}", failure=failure)

    def withhold(self, jobs: Iterable[Job], words: Mapping[Path, str]) -> None:
        """Record none of these jobs, also not in their tests: their answers will come in a batch.

        `words` say so of each cassette; a job that takes its answers from another variant has none of its own.
        """
        for job in jobs:
            why = words.get(job.path(self._settings), "not recorded: another variant's batch will have its answer")
            self._results[job.key] = JobResult(False, Status.MISSING, why, None)

    def record_plan(self, running: RunningPlan, client: Callable[[], Any]) -> None:
        """Record all jobs of a plan, as many at a time as the settings allow, each written when it is made."""
        plan = running.plan
        if (model := self._model_without_price(plan.suite)) is not None:
            running.end(_unpriced(model))
        folder = variant_folder(plan.suite, self._settings)
        try:
            check_writable(folder)
        except OSError as error:
            running.end(Failure(f"{folder} cannot be written to: {error.strerror}", is_final=True))
        n_at_once = plan.suite.concurrency or self._settings.concurrency
        work = partial(self._record_job, running, client, Places(n_at_once))
        threads = min(threads_for(n_at_once), len(plan.jobs))
        with placeholder_key():  # held all the time, so that it does not come and go under the threads
            in_threads(work, plan.jobs, threads, running.stop, partial(_while_waiting, running))

    def _record_job(self, running: RunningPlan, client: Callable[[], Any], places: Places, job: Job) -> None:
        function = job.function(client)
        assert function is not None  # plans hold no other jobs
        call = running.left(job) if running.ended else self._record_of_plan(running, job, function, places)
        running.add(call)
        self._results[job.key] = JobResult.of(call)

    def _record_of_plan(self, running: RunningPlan, job: Job, function: Callable[[], Any], places: Places) -> Call:
        source = running.plan.shared.get(job.key)
        if source is not None and holds_requests(function, job.slot(self._settings), source.cassette):
            return self._written(job, _text(source))
        tries = self._tries(job.slot(self._settings), function, places, running)
        call = self._within_budget(map(partial(self._spend, running), tries), partial(running.price, job))
        if call is None:
            words = "interrupted" if running.stop.is_set() else _over_budget(self._budget, running.price(job))
            running.end(Failure(words, is_final=True))
            return running.left(job)
        if call.failure is not None and is_too_long(call.failure.retry_after_s):
            running.end(call.failure)  # a limit of the day, say: whoever asks meanwhile is refused too
        return call

    def _spend(self, running: RunningPlan, call: Call) -> Call:
        # The plan ends before the budget lets go of those that wait for what this one cost.
        if self._is_unpriced(call):
            running.end(_unpriced(call.facts.answers.model))
        return running.spend(call)

    def _model_without_price(self, suite: Suite) -> str | None:
        """The suite's model if its price is unknown, so that no budget can be kept."""
        if self._budget.limit_usd is None or suite.call is None or has_price(suite.call.model):
            return None
        return suite.call.model

    def _is_unpriced(self, call: Call) -> bool:
        return self._budget.limit_usd is not None and call.recorded and call.cost_usd is None

    def _within_budget(self, tries: Iterator[Call], price: Callable[[], float | None]) -> Call | None:
        """The last of these tries; None where there is none, or where their price does not fit in."""
        reserved = self._budget.admit(price)
        if reserved is None:
            return None
        call: Call | None = None
        cost = 0.0
        try:
            for call in tries:
                cost += call.cost_usd or 0.0
        finally:
            self._budget.settle(reserved, cost)
        return call

    def _tries(
        self,
        slot: Slot,
        function: Callable[[], Any],
        places: Places,
        shown: ShownProgress,
    ) -> Iterator[Call]:
        """Try to record an extraction until it succeeds or a further try is pointless. The last call counts.

        `shown` is told of answers and of failures after which there is a further try. Nothing is sent once its `stop`
        is set, also not by those who wait for their turn.
        """
        first, errors, stop = clock.monotonic_s(), 0, shown.stop
        while True:
            with places.taken() as leave:
                started = self._pace.wait(stop)
                if stop.is_set():
                    return
                with shown.counting() as count:
                    call = record(function, slot, partial(self._heard, started, count), leave)
            yield call
            failure = call.failure
            if failure is None or not failure.is_transient:
                return
            errors += failure.status not in _BUSY
            waits_s = failure.retry_after_s or 0.0
            is_over = clock.monotonic_s() - first + waits_s > _PATIENCE_S
            if errors == _MAX_TRIES or is_too_long(failure.retry_after_s) or is_over:
                return
            is_busy = failure.status in _BUSY  # then the pace waits, for all
            pause_s = 0.0 if is_busy else min(_LONGEST_BACKOFF_S, _BACKOFF_S * 2**errors) * _jitter.uniform(0.5, 1.0)
            shown.retry(failure, max(waits_s, pause_s))
            stop.wait(pause_s)

    def _heard(self, started: float, count: Callable[[], None], exchange: Exchange) -> None:
        count()
        if exchange.status in _BUSY:
            if not is_too_long(exchange.retry_after_s):
                self._pace.refused(started, exchange.retry_after_s)
        elif exchange.status < 500:
            self._pace.answered()

    def call(self, job: Job, function: Callable[[], Any]) -> Call:
        """Replay a case for its test, after recording it if asked to.

        Raises:
            BaseException: the extractor ended with it, and so shall its test (`sys.exit`, `pytest.skip`).
        """
        call = self._call(job, function)
        if call.error is not None and not isinstance(call.error, Exception):
            raise call.error
        return call

    def _call(self, job: Job, function: Callable[[], Any]) -> Call:
        result = self._results.get(job.key)
        if result is not None and not result.recorded:
            return Call(result.status, problem=result.problem, error=result.error)
        mode = record_mode(job.suite, self._settings)
        call = replay(function, job.slot(self._settings)) if result or mode != "all" else None
        if result is not None and call is not None:
            return _as_recorded(call)
        if call is None or is_wanted(call.status, mode):
            return self._record_in_test(job, function, call.status if call else Status.STALE)
        return call

    def _record_in_test(self, job: Job, function: Callable[[], Any], before: Status) -> Call:
        model = self._unpriced_model or self._model_without_price(job.suite)
        if model is not None:
            return Call(before, problem=f"not recorded: {_unpriced(model).words}")
        slot = job.slot(self._settings)
        call = self._record_at_once(f"{job.suite.key}[{job.golden.case.id}]", slot, function, before)
        if self._is_unpriced(call):
            self._unpriced_model = str(call.facts.answers.model)
        if call.recorded:
            self._results[job.key] = JobResult.of(call)  # a test that is run again gets the same answer
        return call

    def ask(self, name: str, slot: Slot, function: Callable[[], Any]) -> Call:
        """Replay what a fixture asks, after recording it if the run does; once, whoever asks again or meanwhile."""
        with self._asking.setdefault(name, threading.RLock()):
            known = self.asked.get(name)
            if known is not None and known.problem is not None:
                return known
            call = replay(function, slot)
            if known is not None:
                return call
            if self._settings.sends and is_wanted(call.status, self._settings.record):
                call = self._record_at_once(f"{name!r} of a fixture", slot, function, call.status)
            self.asked[name] = call
            return call

    def _record_at_once(self, name: str, slot: Slot, function: Callable[[], Any], before: Status) -> Call:
        """Record in this thread, which a test or a fixture may depend on."""
        shown = ShownProgress(1, partial(self._display(), name))
        with shown.repeated():
            call = self._within_budget(self._tries(slot, function, Places(), shown), lambda: None)
        return call or Call(before, problem=f"not recorded: {_over_budget(self._budget, None)}")


def _text(source: Source) -> str | Failure:
    """The text of a cassette that is copied, or why it cannot be read."""
    try:
        return source.cassette.read_text("utf-8")
    except OSError as error:
        return Failure(f"{source.cassette} cannot be read: {error.strerror}")


def _as_recorded(call: Call) -> Call:
    call.recorded = True
    if call.change is not None:
        # A value that differs in every request would always be stale.
        cause = f"{call.change.cause}, though it was recorded a moment ago: {call.change.hint or VOLATILE}"
        call.change, call.problem = call.change._replace(cause=cause, hint=None), cause
    return call


def _while_waiting(running: RunningPlan) -> None:
    load_prices()  # before the first answer is there, whose price would be waited for
    running.show()


def _over_budget(budget: Budget, price: float | None) -> str:
    more = f", and the next recording may cost {dollars(price)}" if price is not None else ""
    return f"the budget of {dollars(budget.limit_usd)} does not allow it: {dollars(budget.spent_usd)} is spent{more}"


def _unpriced(model: str | None) -> Failure:
    return Failure(f"the price of model {model!r} is not known, so no budget can be kept", is_final=True)
