"""Send what is missing or stale of a suite in batches, as far as the provider's queue has room."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.batches.api import BatchApi, Target
from pytest_llm_extract.batches.create import create, find_sent
from pytest_llm_extract.batches.queue import BYTES_A_TOKEN, Queue, tokens_of
from pytest_llm_extract.batches.requests import APIS, BatchRequest, NotForBatch, batch_request, run_jobs
from pytest_llm_extract.batches.transport import Caller, NoReply, Refused
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.extraction.call import Resumed
from pytest_llm_extract.extraction.job import Job, Key
from pytest_llm_extract.recording.progress import Estimate
from pytest_llm_extract.results.prices import dollars
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wording import counted

MOST_ROUNDS = 3


@dataclass
class Submission:
    """What was sent of one suite. `not_sent` has case ids by the reason; `expected` is at the price of batches.

    `n_requests` were sent in `batches`. Those of `queued` wait for room in the provider's queue, and `full` says where
    the provider did. Together they have `n_tokens` of input, by their length. `n_found` batches were sent by another
    machine. `problems` are batches that were refused or got no answer, in the provider's words.
    """

    suite: str
    n_requests: int = 0
    n_tokens: int = 0
    n_cases: int = 0
    n_found: int = 0
    batches: list[SentBatch] = field(default_factory=list)
    queued: list[SentBatch] = field(default_factory=list)
    full: str | None = None
    not_sent: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    expected: Estimate | None = None

    def leave(self, why: str, case_id: str) -> None:
        """Note a case that is not sent."""
        listed = self.not_sent.setdefault(why, [])
        if case_id not in listed:
            listed.append(case_id)

    def count(self, asked: Iterable[_Asked], settings: Settings) -> set[str]:
        """Count the cases of what was sent, and return the files of its cassettes."""
        sent = {file for batch in self.batches for file in batch.files}
        self.n_cases = sum(one.job.path(settings).name in sent for one in asked)
        self.n_tokens = sum(batch.n_tokens for batch in (*self.batches, *self.queued))
        return sent


class _Asked(NamedTuple):
    """A job and the requests that it waits for."""

    job: Job
    requests: tuple[BatchRequest, ...]
    caller: Caller


class _Group(NamedTuple):
    """The requests of one batch or more: they share a target and a caller."""

    target: Target
    caller: Caller
    requests: dict[str, list[BatchRequest]]

    def batch(self, suite: str, requests: Mapping[str, Sequence[BatchRequest]]) -> SentBatch:
        """A batch of some of them."""
        files = {identity: tuple(dict.fromkeys(one.file for one in same)) for identity, same in requests.items()}
        created = clock.utc_now().isoformat(timespec="seconds")
        return SentBatch(secrets.token_hex(8), suite, *self.target, created, files)


def submit_suite(
    suite: Suite,
    jobs: Sequence[Job],
    client: Callable[[], Any],
    settings: Settings,
    expected: Mapping[Key, Estimate],
    left_usd: float | None,
    routing: Callable[[], AbstractContextManager[None]],
) -> Submission:
    """Find the requests of jobs that have no answer, and send them.

    Args:
        suite: whose jobs they are.
        jobs: what is missing or stale, without what waits in a batch already.
        client: finds the client for prompts.
        settings: those of the run.
        expected: what recording each job is expected to take, at list prices; empty if unknown.
        left_usd: what may be spent; None without a budget.
        routing: routes the requests of extractions while inside; what is sent to the provider is not one of them.
    """
    submission = Submission(suite.key)
    with routing():
        asked = list(_asked(jobs, client, settings, submission))
    chosen = _within(asked, expected, left_usd, submission)
    for group in _groups(chosen):
        _send_group(group, settings, submission)
    taken = submission.count(chosen, settings).union(*(batch.files for batch in submission.queued))
    done = [one for one in chosen if one.job.path(settings).name in taken]
    known = [expected[one.job.key] for one in done if one.job.key in expected]
    if known and len(known) == len(done):
        submission.expected = sum(known, Estimate()).in_batches
    return submission


def submit_queued(
    suite: Suite,
    batches: Sequence[SentBatch],
    jobs: Sequence[Job],
    client: Callable[[], Any],
    settings: Settings,
    routing: Callable[[], AbstractContextManager[None]],
) -> Submission:
    """Send batches that wait for room in the provider's queue, as far as there is some; the others go on waiting.

    Args:
        suite: whose jobs they are.
        batches: those that are queued.
        jobs: those whose requests are in them.
        client: as for `submit_suite`.
        settings: as for `submit_suite`.
        routing: as for `submit_suite`.
    """
    submission = Submission(suite.key)
    with routing():
        asked = list(_asked(jobs, client, settings, submission))
    known = {request.id: (request, one.caller) for one in asked for request in one.requests}
    for batch in batches:
        if not batch.requests.keys() <= known.keys():
            continue  # `not_sent` says why
        if submission.full is None and Queue.of(batch, settings).takes(batch.n_tokens, has_waited=True):
            found = {identity: known[identity][0] for identity in batch.requests}
            _send_queued(batch, found, known[next(iter(found))][1], settings, submission)
        else:
            submission.queued.append(batch)
    submission.count(asked, settings)
    return submission


def _asked(
    jobs: Sequence[Job], client: Callable[[], Any], settings: Settings, submission: Submission
) -> Iterator[_Asked]:
    """The jobs whose requests a batch takes; the others are noted with the reason."""
    for job, resumed in run_jobs(jobs, client, settings, lambda job: lambda sent, number: None):
        case_id = job.golden.case.id
        found = [batch_request(job, unanswered, job.path(settings).name) for unanswered in resumed.unanswered]
        if why := _why_not(resumed, found):
            submission.leave(why, case_id)
            continue
        requests = tuple(one for one in found if isinstance(one, BatchRequest))
        first = resumed.unanswered[0]
        yield _Asked(job, requests, Caller.of(first.headers, first.url))


def _why_not(resumed: Resumed, requests: Sequence[BatchRequest | NotForBatch]) -> str | None:
    """Why the requests of an extraction are not sent in a batch."""
    if needs := next((one.needs for one in resumed.unanswered if one.needs), None):
        return f"recording needs {needs}"
    if not requests:
        return _no_request(resumed)
    if resumed.round > MOST_ROUNDS:
        return f"it has a further request after {MOST_ROUNDS} rounds: record it live"
    return next((f"{one.why}: record it live" for one in requests if isinstance(one, NotForBatch)), None)


def _no_request(resumed: Resumed) -> str:
    call = resumed.call
    if call.problem:
        return call.problem
    if call.error is not None:
        return f"{type(call.error).__name__}: {call.error}"
    return "it sends no further request: record it live"


def _within(
    asked: list[_Asked], expected: Mapping[Key, Estimate], left_usd: float | None, submission: Submission
) -> list[_Asked]:
    """The jobs that a budget allows, in their order."""
    if left_usd is None:
        return asked
    chosen, left = [], left_usd
    for one in asked:
        estimate = expected.get(one.job.key)
        price = estimate.in_batches.cost_usd if estimate else None
        if price is None:
            why = "what it costs is not known, so no budget can be kept: record one case live first, or give no budget"
            submission.leave(why, one.job.golden.case.id)
        elif price > left:
            submission.leave(f"the budget of {dollars(left_usd)} does not allow it", one.job.golden.case.id)
        else:
            chosen.append(one)
            left -= price
    return chosen


def _groups(asked: Iterable[_Asked]) -> list[_Group]:
    groups: dict[object, _Group] = {}
    for one in asked:
        for request in one.requests:
            group = groups.setdefault((request.target, one.caller.identity), _Group(request.target, one.caller, {}))
            group.requests.setdefault(request.id, []).append(request)
    return list(groups.values())


def _send_group(group: _Group, settings: Settings, submission: Submission) -> None:
    """Send requests until the queue is full. The others wait."""
    base = group.target.base
    if settings.storage.watch.find(base):
        problem = f"the address {base} holds a secret, which its file would keep"
        submission.problems.append(settings.storage.watch.hide(problem))
        return
    queue = Queue.of(group.target, settings)
    is_full = False
    for requests, data in _pieces(APIS[group.target.provider], group, queue.limit):
        batch = replace(group.batch(submission.suite, requests), n_tokens=tokens_of(data))
        if is_full or not queue.takes(batch.n_tokens):
            submission.queued.append(batch.queued(settings.cassettes))
        elif (refusal := _send(batch, group.caller, data, settings, submission)) is None:
            queue = queue.plus(batch.n_tokens)
        elif refusal.is_full:
            is_full = True
            _wait_for_room(batch, queue, settings, submission)
        else:
            batch.settle(settings.cassettes, set(batch.requests))


def _send_queued(
    batch: SentBatch, requests: Mapping[str, BatchRequest], caller: Caller, settings: Settings, submission: Submission
) -> None:
    """Send a batch that waited, unless another machine has sent it. What is refused goes on waiting."""
    api, queue = APIS[batch.provider], Queue.of(batch, settings)
    target = next(iter(requests.values())).target
    try:
        found = find_sent(api, caller, batch, settings.cassettes)
    except (Refused, NoReply) as error:
        submission.problems.append(settings.storage.watch.hide(str(error)))
        submission.queued.append(batch)
        return
    if found is not None:
        submission.n_found += 1
        return
    data = b"".join(api.line_of(identity, requests[identity].body, target) for identity in batch.requests)
    refusal = _send(replace(batch, is_queued=False), caller, data, settings, submission)
    if refusal is not None and refusal.is_full:
        _wait_for_room(batch, queue, settings, submission)
    elif refusal is not None:
        submission.queued.append(batch.queued(settings.cassettes))


def _wait_for_room(batch: SentBatch, queue: Queue, settings: Settings, submission: Submission) -> None:
    """Keep what the queue refused: in halves, or as it is where an empty queue does not take a single request."""
    if queue.n_open or len(batch.requests) > 1:
        submission.full = submission.problems.pop()
        submission.queued += batch.halved(settings.cassettes)
    else:
        submission.queued.append(batch.queued(settings.cassettes))


def _pieces(api: BatchApi, group: _Group, limit: int | None) -> Iterator[tuple[dict[str, list[BatchRequest]], bytes]]:
    """The requests in batches that keep the provider's limits, and that of its queue."""
    piece: dict[str, list[BatchRequest]] = {}
    lines: list[bytes] = []
    size, most = 0, api.most_bytes if limit is None else min(api.most_bytes, limit * BYTES_A_TOKEN)
    for identity, same in group.requests.items():
        line = api.line_of(identity, same[0].body, group.target)
        if piece and (len(piece) == api.most_requests or size + len(line) > most):
            yield piece, b"".join(lines)
            piece, lines, size = {}, [], 0
        piece[identity] = same
        lines.append(line)
        size += len(line)
    if piece:
        yield piece, b"".join(lines)


def _send(batch: SentBatch, caller: Caller, data: bytes, settings: Settings, submission: Submission) -> Refused | None:
    """Send one batch, and return why the provider does not take it; None if it may have it."""
    hide = settings.storage.watch.hide
    try:
        created = create(APIS[batch.provider], caller, batch, data, settings.cassettes)
    except Refused as error:
        n = counted(len(batch.requests), "request")
        submission.problems.append(hide(f"a batch of {n} was refused by {batch.base}: {error}"))
        return error
    except NoReply as error:
        words = "whether the batch was created is not known: the next run looks for it before it sends anything"
        submission.problems.append(hide(f"{error}; {words}"))
        return None
    submission.batches.append(created)
    submission.n_requests += len(batch.requests)
    return None
