"""What to say of batches: what was sent, what waits, and what was collected."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_llm_extract.batches.collection import Collection, Waiting
from pytest_llm_extract.batches.submit import Submission
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.report.recording_progress import amount_words
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.results.prices import BATCH, cost_usd, dollars
from pytest_llm_extract.wording import count_batches, count_cases, count_cassettes, counted, some_names

COLLECT = "llm-extract collect"
_REASONS = 5  # as many are shown of each kind


def submission_lines(submission: Submission, hours: int, now: datetime.datetime) -> list[str]:
    """What was sent of one suite, and what was not."""
    lines = []
    if submission.batches:
        n, base = len(submission.batches), submission.batches[0].base
        sent = f"sent {counted(submission.n_requests, 'request')} of {count_cases(submission.n_cases)} to {base}"
        lines.append(f"{submission.suite}: {sent} in {count_batches(n)}")
        lines.append(f"  expected{', with what waits' if submission.queued else ''}: {_expected(submission)}")
        until = [batch.until for batch in submission.batches if batch.until]
        lines.append(f"  answers within {hours} hours{_until(until, now)}; then: {COLLECT}")
    elif submission.not_sent or submission.problems or submission.queued:
        lines.append(f"{submission.suite}: sent nothing")
    if submission.n_found:
        lines.append(f"  {count_batches(submission.n_found)} of {submission.suite} had been sent by another machine")
    if submission.queued:
        n_waiting = sum(len(batch.requests) for batch in submission.queued)
        why = f"  waiting for room in the provider's queue: {counted(n_waiting, 'request')}; then: {COLLECT}"
        lines += [why, *([f"  {printable(submission.full, 500)}"] if submission.full else [])]
    listed = list(submission.not_sent.items())
    lines += [f"  not sent: {printable(why, 300)}: {_cases(ids)}" for why, ids in listed[:_REASONS]]
    if more := [identity for _, ids in listed[_REASONS:] for identity in ids]:
        lines.append(f"  not sent: for other reasons: {_cases(more)}")
    return lines + [f"  not sent: {printable(problem, 500)}" for problem in submission.problems]


def _expected(submission: Submission) -> str:
    if submission.expected is not None:
        return f"about {amount_words(submission.expected)}, half of the list price"
    tokens = submission.n_tokens
    cost = dollars(cost_usd(submission.batches[0].model, Usage(tokens, 0), BATCH))
    return f"about {tokens:,} tokens in by their length, {cost} at half of the list price; tokens out are not known"


def _until(until: Sequence[str], now: datetime.datetime) -> str:
    if not until:
        return ""
    last = datetime.datetime.fromisoformat(max(until))
    return f" (until {last:%Y-%m-%d %H:%M} UTC)" if last > now else ""


def collection_lines(collection: Collection, cassettes: Path) -> list[str]:
    """What was collected of one suite, what waits, and what failed."""
    lines = []
    if collection.n_ended or collection.n_written:
        written, n = count_cassettes(collection.n_written), collection.n_ended
        lines.append(f"{collection.suite}: {written} written from {count_batches(n)}")
    elif collection.waiting or collection.lost:
        lines.append(f"{collection.suite}: no batch has ended")
    return lines + [f"  {printable(line, 500)}" for line in _details(collection, cassettes)]


def _details(collection: Collection, cassettes: Path) -> Iterator[str]:
    yield from (f"waiting: {_waiting(one)}" for one in collection.waiting if not one.batch.is_queued)
    queued: Counter[str] = Counter()
    for one in collection.waiting:
        queued[one.problem or ""] += len(one.batch.requests) if one.batch.is_queued else 0
    yield from (f"waiting: {counted(count, 'request')}: {problem}" for problem, count in queued.items() if count)
    yield from (f"batch {name} was never created: its requests are missing as before" for name in collection.lost)
    if collection.unfinished:
        more = "have a further request: pytest --llm-record --llm-extract-batch sends it"
        yield f"{_cases(collection.unfinished)} {more}"
    yield from _by_reason("still missing", collection.failed)
    yield from _by_reason("answered, but not written", collection.not_kept)
    if collection.unwanted:
        files = some_names(sorted(set(collection.unwanted)))
        n = count_cassettes(len(set(collection.unwanted)))
        yield (
            f"no longer wanted: the requests of {n} changed, and their answers are kept out ({files}); "
            f"delete {cassettes.name}/batch-….json if they never will be wanted"
        )
    if collection.withdrawn:
        n = count_cassettes(len(set(collection.withdrawn)))
        yield f"never sent, and forgotten: the requests of {n}, which waited for room in the queue and are not wanted"
    if collection.n_not_selected:
        yield f"{count_cassettes(collection.n_not_selected)} of cases that are not selected are left for the next time"
    yield from (f"left out: {what}: {count:,}" for what, count in collection.odd.items())


def _by_reason(what: str, cases: Mapping[str, Sequence[str]]) -> Iterator[str]:
    listed = list(cases.items())
    yield from (f"{what}: {_cases(ids)}: {why}" for why, ids in listed[:_REASONS])
    if more := [identity for _, ids in listed[_REASONS:] for identity in ids]:
        yield f"{what}: {_cases(more)}: for other reasons"


def _waiting(waiting: Waiting) -> str:
    batch, look = waiting.batch, waiting.look
    name = batch.id or batch.name
    if look is None:
        return f"{name}, {counted(len(batch.requests), 'request')}: {waiting.problem}"
    return f"{name}, sent {batch.created}: {look.state}, {look.n_done:,} of {look.n_all:,} requests done"


def stray_lines(batches: Iterable[SentBatch]) -> list[str]:
    """Batches of suites that this run does not have."""
    return [
        f"batch {batch.id or batch.name} is of {batch.suite}, which is not among the tests of this run; "
        f"if that was renamed: llm-extract mv {batch.suite} NEW"
        for batch in batches
    ]


def _cases(ids: Sequence[str]) -> str:
    return f"{count_cases(len(set(ids)))} ({some_names(dict.fromkeys(ids))})"
