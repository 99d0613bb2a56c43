"""The requests of extractions that a batch can take: their ids, and where they would be sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.batches.anthropic_batches import ANTHROPIC
from pytest_llm_extract.batches.api import BatchApi, Target
from pytest_llm_extract.batches.google_batches import GOOGLE
from pytest_llm_extract.batches.openai_batches import OPENAI
from pytest_llm_extract.cassette.file.exchange import address_of
from pytest_llm_extract.cassette.file.fingerprint import read_json
from pytest_llm_extract.cassette.http.continued import Find, Unanswered
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.extraction.call import Resumed, resume
from pytest_llm_extract.extraction.job import Job
from pytest_llm_extract.recording.thread_pool import in_threads

APIS: Mapping[str, BatchApi] = {api.name: api for api in (OPENAI, ANTHROPIC, GOOGLE)}
_DIGITS = 48  # of a fingerprint: with sample and number an id stays below the 64 characters that a provider allows


class BatchRequest(NamedTuple):
    """A request for a batch: its id, its body, where it goes, and the cassette that waits for it."""

    id: str
    body: dict[str, Any]
    target: Target
    file: str


class NotForBatch(NamedTuple):
    """A request that no batch takes, and why."""

    why: str


def request_id(fingerprint: str, sample: int, number: int = 1) -> str:
    """The id of a request: its fingerprint and its sample; and its number, where an extraction repeats it."""
    return f"{fingerprint[:_DIGITS]}-{sample}" + (f"-{number}" if number > 1 else "")


def is_answered_in(identity: str, fingerprints: Sequence[str]) -> bool:
    """Whether a recording with these fingerprints has the request of an id."""
    digits, _, rest = identity.partition("-")
    number = int(rest.partition("-")[2] or 1) if rest.replace("-", "").isdecimal() else 1
    return sum(one[:_DIGITS] == digits for one in fingerprints) >= number


def batch_request(job: Job, unanswered: Unanswered, file: str) -> BatchRequest | NotForBatch:
    """The request for a batch that a request without an answer is."""
    body, address = read_json(unanswered.body), address_of(unanswered.url)
    if not isinstance(body, dict) or unanswered.method != "POST":
        return NotForBatch(f"{unanswered.method} {address} is not a request in JSON")
    if body.get("stream"):
        return NotForBatch("it asks for a stream")
    target = target_of(unanswered.url, body)
    if target is None:
        return NotForBatch(f"no batch API is known for {address}")
    return BatchRequest(request_id(unanswered.sent.fingerprint, job.sample, unanswered.number), body, target, file)


def target_of(url: str, body: dict[str, Any]) -> Target | None:
    """Where a request goes in a batch; None where no provider's batches take it."""
    address = address_of(url)  # without the user and the query that may stand in it
    targets = (api.target_of(address, body) for api in APIS.values())
    return next((target for target in targets if target is not None), None)


def run_jobs(
    jobs: Sequence[Job],
    client: Callable[[], Any],
    settings: Settings,
    find_for: Callable[[Job], Find],
    *,
    is_quick: bool = False,
) -> Iterator[tuple[Job, Resumed]]:
    """Run extractions against their cassettes and further answers, several at a time; in the order of the jobs.

    Those that only their tests can call are left out.
    """
    results: dict[int, Resumed] = {}

    def run(numbered: tuple[int, Job]) -> None:
        number, job = numbered
        function = job.function(client)
        assert function is not None  # sorted out below
        results[number] = resume(function, job.slot(settings), find_for(job), is_quick=is_quick)

    known = [(number, job) for number, job in enumerate(jobs) if job.function(client) is not None]
    n_threads = min(jobs[0].suite.concurrency or settings.concurrency, len(known)) if jobs else 0
    in_threads(run, known, n_threads, threading.Event())
    for number, job in known:
        if number in results:
            yield job, results[number]
