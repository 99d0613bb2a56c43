"""Write the results of batches as the cassettes of their cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple

from pytest_llm_extract.batches.api import Line, Look
from pytest_llm_extract.batches.collection import Collection, Waiting
from pytest_llm_extract.batches.create import recover
from pytest_llm_extract.batches.queue import Queue
from pytest_llm_extract.batches.requests import APIS, is_answered_in, request_id, run_jobs, target_of
from pytest_llm_extract.batches.transport import Caller, NoReply, Refused, error_words
from pytest_llm_extract.cassette.file.exchange import Exchange, Sent
from pytest_llm_extract.cassette.file.fingerprint import read_json
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.http.continued import Find, Unanswered
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.errors import CassetteError
from pytest_llm_extract.extraction.call import Resumed
from pytest_llm_extract.extraction.job import Job, Key, wanted_cassettes
from pytest_llm_extract.suites.suite import Suite

_JSON = {"content-type": ["application/json"]}
_NO_ROOM = "for want of room in the provider's queue"
_NO_LINE = "the provider's results do not have this request"


class _Results(NamedTuple):
    """A batch that ended: its lines by id, and why a request may have none."""

    batch: SentBatch
    lines: Mapping[str, Line]
    problem: str


class SuiteCollector:
    """Collects the batches of one suite."""

    def __init__(
        self,
        suite: Suite,
        jobs: Sequence[Job],
        client: Callable[[], Any],
        settings: Settings,
        batches: Iterable[SentBatch],
        routing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._suite, self._client, self._settings, self._routing = suite, client, settings, routing
        self._batches = list(batches)
        self._by_file = {job.path(settings).name: job for job in jobs}
        files = dict.fromkeys(file for batch in self._batches for file in batch.files)
        self._jobs = [self._by_file[file] for file in files if file in self._by_file]
        self._cancels = settings.batch == "cancel"
        self._outcomes: dict[str, Resumed] = {}
        self._needs: str | None = None
        self.collection = Collection(suite.key)

    def collect(self) -> Collection:
        """Look at every batch, and write what those that ended answered."""
        callers = self._callers()
        ended: list[_Results] = []
        for batch in self._batches:
            caller = callers.get((batch.provider, batch.base))
            if batch.is_queued:
                state = self._queued(batch, caller)
            else:
                state = self._ask(batch, caller) if caller is not None else self._without_caller(batch)
            if isinstance(state, _Results):
                ended.append(state)
            else:
                self.collection.waiting += [one._replace(jobs=tuple(self._asking(one.batch))) for one in state]
        self.collection.n_ended = len(ended)
        self._write(ended)
        for results in ended:
            self._settle(results)
        return self.collection

    def _callers(self) -> dict[tuple[str, str], Caller]:
        """Who may ask for each batch: the caller of any request of the suite to the same API."""
        wanted = {(batch.provider, batch.base) for batch in self._batches}
        callers: dict[tuple[str, str], Caller] = {}
        with self._routing():
            for job in self._jobs:
                if wanted <= callers.keys():
                    break
                for _, resumed in run_jobs([job], self._client, self._settings, lambda job: _nothing):
                    for unanswered in resumed.unanswered:
                        self._note_caller(unanswered, callers)
        return callers

    def _without_caller(self, batch: SentBatch) -> _Results | list[Waiting]:
        """A batch that no request of today can ask for. That is no reason to forget it if one waits for it."""
        if not self._asking(batch):
            return _Results(batch, {}, _NO_LINE)
        if self._needs is not None:
            return [Waiting(batch, None, f"collecting needs {self._needs}", is_stuck=True)]
        elsewhere = f"it was sent to {batch.base}, and the requests of today go to another address"
        return [Waiting(batch, None, elsewhere, is_stuck=True)]

    def _queued(self, batch: SentBatch, caller: Caller | None) -> _Results | list[Waiting]:
        """A batch that waits for room. Requests of it that nobody wants are forgotten: nothing was paid."""
        wanted = set() if self._cancels else {one for ids in self._asked_today(batch).values() for one in ids}
        own = {identity for identity, files in batch.requests.items() if self._by_file.keys() >= set(files)}
        self.collection.withdrawn += [file for identity in own - wanted for file in batch.requests[identity]]
        rest = batch.settle(self._settings.cassettes, own - wanted)
        if rest is None:
            return []
        others = [file for file in rest.files if file not in self._by_file]
        for file in others:
            self._count_left_out(file)
        if not wanted:
            return []
        if others or caller is None:
            stuck = "not sent, since it has cases that are not selected"
            return [Waiting(rest, None, stuck, is_stuck=True)] if others else self._without_caller(rest)
        return [Waiting(rest, None, f"not sent yet, {_NO_ROOM}")]

    def _asking(self, batch: SentBatch) -> list[Job]:
        """The jobs whose requests of today are in a batch."""
        asked = self._asked_today(batch)
        return [job for job in self._jobs if job.key in asked]

    def _asked_today(self, batch: SentBatch) -> dict[Key, set[str]]:
        """The requests of a batch that jobs have today, by job."""
        files = set(batch.files)
        jobs = [job for job in self._jobs if job.path(self._settings).name in files]
        with self._routing():
            ran = list(run_jobs(jobs, self._client, self._settings, lambda job: _nothing, is_quick=True))
        ids = {job.key: self._ids(job, resumed.unanswered) & batch.requests.keys() for job, resumed in ran}
        return {key: own for key, own in ids.items() if own}

    def _note_caller(self, unanswered: Unanswered, callers: dict[tuple[str, str], Caller]) -> None:
        body = read_json(unanswered.body)
        target = target_of(unanswered.url, body) if isinstance(body, dict) else None
        self._needs = self._needs or unanswered.needs
        if target is not None and unanswered.needs is None:
            callers.setdefault((target.provider, target.base), Caller.of(unanswered.headers, unanswered.url))

    def _ask(self, batch: SentBatch, caller: Caller) -> _Results | list[Waiting]:
        """The results of a batch, or how far it is; nothing of one that was never created."""
        hide = self._settings.storage.watch.hide
        try:
            while True:
                known = batch if batch.id is not None else self._recovered(batch, caller)
                if known is None:
                    return []
                batch = known
                look = APIS[batch.provider].look(caller, batch)
                if not look.has_ended:
                    return [Waiting(batch, self._cancelled(batch, caller, look))]
                if look.is_full and (halves := self._halved(batch)):
                    return [Waiting(half, None, hide(f"refused {_NO_ROOM}: {look.problem}")) for half in halves]
                results = self._results(batch, look, caller)
                if results is not None:
                    return results
                not_ours = (*batch.not_ours, str(batch.id))
                batch = replace(batch, id=None, not_ours=not_ours).write(self._settings.cassettes)
        except (NoReply, Refused) as error:
            return [Waiting(batch, None, hide(self._in_words(error, batch)), is_stuck=isinstance(error, Refused))]

    def _cancelled(self, batch: SentBatch, caller: Caller, look: Look) -> Look:
        """A batch that goes on, after its cancellation where that was asked for."""
        if not self._cancels:
            return look
        APIS[batch.provider].cancel(caller, batch)
        return APIS[batch.provider].look(caller, batch)

    def _halved(self, batch: SentBatch) -> list[SentBatch]:
        """The halves of a batch that found no room; none of a single request that an empty queue does not take."""
        is_alone = Queue.of(batch, self._settings).n_open <= batch.n_tokens
        if self._cancels or (len(batch.requests) == 1 and is_alone):
            return []
        return batch.halved(self._settings.cassettes)

    def _in_words(self, error: NoReply | Refused, batch: SentBatch) -> str:
        if not isinstance(error, Refused) or error.status != 404:
            return str(error)
        return f"{error}; if it is gone there, delete {batch.path(self._settings.cassettes).name}"

    def _recovered(self, batch: SentBatch, caller: Caller) -> SentBatch | None:
        recovered = recover(APIS[batch.provider], caller, batch, self._settings.cassettes)
        if recovered is None:
            self.collection.lost.append(batch.name)
        return recovered

    def _results(self, batch: SentBatch, look: Look, caller: Caller) -> _Results | None:
        """The results of a batch; None where all are somebody else's, so that another batch was taken for ours."""
        lines: dict[str, Line] = {}
        odd: Counter[str] = Counter()
        for line in APIS[batch.provider].read(caller, batch, look):
            if isinstance(line, str):
                odd["lines that are not a result"] += 1
            elif line.id not in batch.requests:
                odd["results of unknown requests"] += 1
            elif line.id in lines and lines[line.id].problem is None:
                odd["second results of one request"] += 1
            else:
                lines[line.id] = line
        if not lines and odd["results of unknown requests"] and batch.is_found:
            return None
        self.collection.odd += odd
        return _Results(batch, lines, look.problem or _NO_LINE)

    def _write(self, ended: Sequence[_Results]) -> None:
        """Run every extraction that waits for these results, with their answers."""
        lines = {identity: line for results in ended for identity, line in results.lines.items()}
        files = {file for results in ended for file in results.batch.files}
        jobs = [job for job in self._jobs if job.path(self._settings).name in files]
        with self._routing():
            for job, resumed in run_jobs(
                jobs, self._client, self._settings, lambda job: _finder(job, lines), is_quick=bool(lines)
            ):
                self._outcomes[job.path(self._settings).name] = resumed
                self._count(job, resumed)

    def _count(self, job: Job, resumed: Resumed) -> None:
        case_id, call = job.golden.case.id, resumed.call
        if call.recorded:
            self.collection.n_written += 1
        elif call.failure is not None and call.failure.is_of_storage:
            self.collection.not_kept.setdefault(call.failure.words, []).append(case_id)
        elif resumed.found and resumed.unanswered:
            self.collection.unfinished.append(case_id)
        elif resumed.found:
            words = call.problem or f"{type(call.error).__name__}: {call.error}"
            self.collection.failed.setdefault(words, []).append(case_id)

    def _settle(self, results: _Results) -> None:
        """Name what became of each request of a batch that ended, and forget what is settled."""
        settled: set[str] = set()
        for identity, files in results.batch.requests.items():
            open_files = [file for file in files if not self._is_settled(identity, file, results)]
            if not open_files:
                settled.add(identity)
        results.batch.settle(self._settings.cassettes, settled)

    def _is_settled(self, identity: str, file: str, results: _Results) -> bool:
        job, resumed = self._by_file.get(file), self._outcomes.get(file)
        if job is None:
            self._count_left_out(file)
            return False
        if resumed is not None and identity in self._ids(job, resumed.unanswered):
            words = self._settings.storage.watch.hide(_words(results.lines.get(identity)) or results.problem)
            self.collection.failed.setdefault(words, []).append(job.golden.case.id)
            return True
        if resumed is not None and is_answered_in(identity, resumed.found):
            return resumed.call.failure is None or not resumed.call.failure.is_of_storage
        if self._holds(job, identity):
            return True
        self.collection.unwanted.append(file)
        return False

    def _count_left_out(self, file: str) -> None:
        """Note a cassette that no selected job has: its case is not selected, or it is gone."""
        if file in {path.name for path in wanted_cassettes(self._suite, self._settings)}:
            self.collection.n_not_selected += 1
        else:
            self.collection.unwanted.append(file)

    def _ids(self, job: Job, unanswered: Iterable[Unanswered]) -> set[str]:
        return {request_id(one.sent.fingerprint, job.sample, one.number) for one in unanswered}

    def _holds(self, job: Job, identity: str) -> bool:
        """Whether the cassette has the request, from now or from an earlier collection."""
        try:
            recording = load(job.path(self._settings), self._settings.cassettes)
        except CassetteError:
            return False
        return recording is not None and is_answered_in(identity, recording.fingerprints)


def _nothing(sent: Sent, number: int) -> None:
    return None


def _finder(job: Job, lines: Mapping[str, Line]) -> Find:
    """Gives a job the answers to its requests."""

    def find(sent: Sent, number: int) -> Mapping[str, Any] | None:
        line = lines.get(request_id(sent.fingerprint, job.sample, number))
        if line is None or not _is_answer(line):
            return None
        status = {"code": line.status, "message": "OK" if line.status == 200 else ""}
        return {"status": status, "headers": {**_JSON}, "body": {"string": line.body}}

    return find


def _is_answer(line: Line) -> bool:
    """Whether a result is what a live recording would keep: an answer, a refusal, or a request that is rejected."""
    if line.problem is not None:
        return False
    exchange = Exchange("POST", "", {}, b"", line.status, "", {}, line.body)
    return line.status < 300 or (line.status < 500 and (exchange.is_rejected or exchange.says_something))


def _words(line: Line | None) -> str | None:
    """Why a request has no answer, in the provider's words."""
    if line is None:
        return None
    return line.problem or f"HTTP {line.status}: {error_words(line.body)}"
