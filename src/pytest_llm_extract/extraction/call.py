"""Replay one extraction from its cassette, or record it if asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.file import fingerprint, hashed_requests, staleness
from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary, summarize_answers
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, Sent, address_of
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.file.same_answer import is_unchanged
from pytest_llm_extract.cassette.file.save import cassette_text, write_cassette
from pytest_llm_extract.cassette.http.continued import Continued, Find, Unanswered
from pytest_llm_extract.cassette.http.replay import Record, Replay
from pytest_llm_extract.cassette.http.router import Unowned, taking
from pytest_llm_extract.cassette.http.shared_exchanges import FOLDER
from pytest_llm_extract.credentials.placeholder_key import placeholder_key
from pytest_llm_extract.errors import CassetteError, SecretFoundError, WithheldError
from pytest_llm_extract.extraction.event_loop import run_to_end
from pytest_llm_extract.extraction.exception_status import is_answer
from pytest_llm_extract.extraction.recording_failure import Failure, failure_of
from pytest_llm_extract.extraction.slot import Slot
from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.prices import BATCH, cost_of_models_usd


class CallFacts(NamedTuple):
    """What is known of a recording that was made or replayed.

    `hashes` are short hashes of the first request's parts, `fingerprints` those of its requests. `asked` is the model
    that a request without a recorded answer names. `attempt` counts the recordings of one unchanged request,
    `recorded` is the time of the recording (ISO 8601), `latency_s` what it took in seconds. `scrubbed` names what was
    taken out of its bodies."""

    answers: AnswerSummary = AnswerSummary()
    hashes: Mapping[str, str | None] = MappingProxyType({})
    fingerprints: tuple[str, ...] = ()
    asked: str | None = None
    attempt: int = 1
    latency_s: float | None = None
    recorded: str | None = None
    scrubbed: tuple[str, ...] = ()
    via: str | None = None
    unfinished: int = 0

    @property
    def head(self) -> dict[str, Any]:
        """The facts that a cassette keeps at its top."""
        return {
            **({"scrubbed": list(self.scrubbed)} if self.scrubbed else {}),
            "hashes": self.hashes,
            "attempt": self.attempt,
            **({} if self.via else {"latency_s": self.latency_s}),
            "recorded": self.recorded,
            **({"via": self.via} if self.via else {}),
            **({"unfinished": self.unfinished} if self.unfinished else {}),
        }


UNFINISHED = "its recording in batches is not finished: it has a further request"
_NO_FACTS = CallFacts()
_OF_RECORDING = ("attempt", "latency_s", "recorded", "via")


@dataclass
class Call:
    """The outcome of one extraction.

    `problem` is one line for a case that has no usable recording (`status` says stale, missing or error);
    `error` is the extractor's own exception. `ignored` says of each path of `ignore` whether some request had it; it
    is empty where none was sent. `requests` are the bodies that were sent. It `lacks_shared` where it stopped at a
    request whose answer all cases share: then nothing is known of its own cassette.
    """

    status: Status = Status.OK
    value: Any = None
    error: BaseException | None = None
    problem: str | None = None
    change: staleness.RequestChange | None = None
    recorded: bool = False
    failure: Failure | None = None
    facts: CallFacts = _NO_FACTS
    ignored: Mapping[str, bool] = field(default_factory=dict)
    requests: tuple[bytes, ...] = ()
    lacks_shared: bool = False

    @property
    def usage(self) -> Usage:
        """Tokens that the provider reported, summed over the requests."""
        return sum(self.by_model.values(), Usage())

    @property
    def by_model(self) -> Mapping[str | None, Usage]:
        """The tokens of each model that answered."""
        return self.facts.answers.by_model

    @property
    def cost_usd(self) -> float | None:
        """The cost of the tokens in US dollars; None if a price is unknown."""
        return cost_of_models_usd(self.by_model, self.facts.via)


def replay(function: Callable[[], Any], slot: Slot) -> Call:
    """Run an extraction against its cassette; it is stopped at the first request that the cassette does not hold."""
    try:
        recording = load(slot.path, slot.root)
    except CassetteError as error:
        return _unreadable(error)
    if recording is None:
        return Call(Status.MISSING, problem=f"no cassette {slot.path.name}")
    return _replay(function, slot, recording)


def first_request(function: Callable[[], Any], slot: Slot) -> Sent | None:
    """The first request of its own that an extraction sends, which is stopped there; None if it sends none."""
    storage = slot.storage
    scheme = fingerprint.Scheme(fingerprint.VERSION, storage.headers)
    take = Replay(Recording(()), slot.ignore, storage, scheme, slot.shared)
    try:
        with taking(take), placeholder_key():
            run_to_end(function)
    except KeyboardInterrupt:
        raise
    except BaseException:  # what it ended with, `pytest.skip` say, its test will meet as well
        pass
    return None if take.miss is None or take.shares(take.miss.url, take.miss.body) else take.miss


def _unreadable(error: CassetteError) -> Call:
    if isinstance(error, WithheldError):
        return Call(Status.ERROR, problem=str(error))
    # No recording replaces it by itself: nobody would hear of an edit, a conflict, a disk that fails.
    return Call(Status.ERROR, problem=f"{error}. To record it anew, delete it, then: pytest --llm-record")


def _replay(function: Callable[[], Any], slot: Slot, recording: Recording) -> Call:
    take = Replay(recording, slot.ignore, slot.storage, shared=slot.shared)
    requests = tuple(exchange.request_body for exchange in recording.exchanges)
    call = Call(facts=_facts(recording, slot), ignored=take.matched, requests=requests)
    try:
        with taking(take), placeholder_key():
            call.value = run_to_end(function)
    except Exception as error:
        call.error = error
    if take.n_unshared:  # whoever has no credentials can still replay
        return _replay(function, slot._replace(sends_shared=False), recording)
    if take.miss is not None and take.shares(take.miss.url, take.miss.body):
        call.status, call.problem, call.error = Status.MISSING, _not_shared(take.miss), None
        call.lacks_shared = True
    elif take.miss is not None and recording.meta.get("unfinished"):
        call.status, call.problem, call.error = Status.STALE, UNFINISHED, None
    elif take.miss is not None:
        asked = fingerprint.parts(fingerprint.read_json(take.miss.body)).get("model")
        call.facts = call.facts._replace(asked=asked)
        call.change = _change(take, take.miss, slot)
        call.status, call.problem, call.error = Status.STALE, call.change.cause, None
    elif take.stopped is not None:
        call.status, call.problem = Status.ERROR, str(take.stopped)
    elif not take.is_whole:
        _fall_short(call, take)
    return call


def _not_shared(sent: Sent) -> str:
    return f"no recording of {sent.method} {address_of(sent.url)} in {FOLDER}/, whose answer all cases share"


def _fall_short(call: Call, take: Replay) -> None:
    """The change to report if an extraction sent less than was recorded without crashing."""
    if take.strays:
        call.status, call.problem = Status.ERROR, str(Unowned(take.strays[0]))
    elif call.error is not None and not is_answer(call.error):
        return
    elif not take.played:
        call.status = Status.ERROR
        call.problem = f"the extraction sent no request, so its cassette was not replayed; {staleness.CACHED}"
    else:
        call.change = staleness.fewer(len(take.played), len(take.recording.exchanges))
        call.status, call.problem, call.error = Status.STALE, call.change.cause, None


def _change(take: Replay, sent: Sent, slot: Slot) -> staleness.RequestChange:
    """Why a request was not found, beside the recorded one that is most like it."""
    recorded = take.nearest(sent)
    if recorded is not None and fingerprint.is_hash(recorded.request_body):
        return hashed_requests.explain(take.recording, recorded, sent, slot.document, slot.ignore)
    return staleness.explain(recorded.sent if recorded else None, sent, slot.document or slot.as_json)


def record(
    function: Callable[[], Any],
    slot: Slot,
    heard: Callable[[Exchange], None] | None = None,
    ended: Callable[[], None] = lambda: None,
) -> Call:
    """Run an extraction once and write its cassette. The old cassette stays unless a new one replaces it.

    `heard` is called with every answer of the provider, also of those that the extractor's own client tries again.
    `ended` is called when the extraction has ended, before its cassette is written.
    """
    try:
        old = load(slot.path, slot.root)
    except CassetteError as error:
        return _unreadable(error)
    return _record(function, slot, Record(slot.ignore, heard, slot.storage, shared=slot.shared), old, ended)


class Resumed(NamedTuple):
    """An extraction that was run with answers of a batch: its call, and the requests that have no answer yet.

    `found` are the fingerprints of the answers that it took from the batch. `round` is that of the next batch, from 1.
    """

    call: Call
    unanswered: tuple[Unanswered, ...] = ()
    found: tuple[str, ...] = ()
    round: int = 1


def resume(function: Callable[[], Any], slot: Slot, find: Find, *, is_quick: bool = False) -> Resumed:
    """Run an extraction against its cassette and further answers, and write what it is answered, if that is more.

    Args:
        function: the extraction.
        slot: its cassette.
        find: gives the further answers.
        is_quick: whether requests may be shown without the credentials of their client.

    Returns:
        A call that is `recorded` if the cassette is whole now. One that goes on has a cassette of what it was answered.
    """
    try:
        old = load(slot.path, slot.root)
    except CassetteError as error:
        return Resumed(_unreadable(error))
    take = Continued(old, find, slot.ignore, slot.storage, slot.shared, is_quick=is_quick)
    call = _record(function, slot, take, old)
    found = tuple(exchange.fingerprint for exchange in take.found)
    return Resumed(call, tuple(take.without_answer), found, 1 + _rounds(old))


def _rounds(old: Recording | None) -> int:
    return int(old.meta.get("unfinished", 0)) if old else 0


def _record(
    function: Callable[[], Any],
    slot: Slot,
    take: Record | Continued,
    old: Recording | None,
    ended: Callable[[], None] = lambda: None,
) -> Call:
    call = Call(ignored=take.matched)
    start = clock.monotonic_s()
    try:
        with taking(take), placeholder_key():
            call.value = run_to_end(function)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        call.error = error
    seconds = clock.monotonic_s() - start
    ended()
    recording = Recording(tuple(take.exchanges), slot.case_id)
    if slot.storage.keeps_requests:  # a replay knows no others
        call.requests = tuple(exchange.request_body for exchange in take.exchanges)
    call.facts = _facts(recording, slot)
    if isinstance(take, Continued) and (take.without_answer or not take.found):
        call.status = Status.STALE if old else Status.MISSING
        call.problem = f"not recorded: {take.problem}" if take.problem else None
        if take.found:
            _write(call, slot, recording, old, {"via": BATCH, "unfinished": 1 + _rounds(old)})
            call.recorded = False
        return call
    call.failure = failure_of(take, call.error, call.facts.answers)
    if call.failure is not None:
        # Providers and errors repeat what they were sent.
        call.failure = call.failure._replace(words=slot.storage.watch.hide(call.failure.words))
        call.status = Status.STALE if old else Status.MISSING
        call.problem = f"not recorded: {call.failure.words}"
    elif call.error is not None and not _is_answered(take, call):
        call.status = Status.ERROR
    elif not take.exchanges:
        call.status = Status.ERROR
        call.problem = f"the extraction sent no request, so there is nothing to record; {staleness.CACHED}"
    else:
        is_batch = isinstance(take, Continued)
        _write(call, slot, recording, old, {"via": BATCH} if is_batch else {"latency_s": round(seconds, 3)})
    return call


def _is_answered(take: Record | Continued, call: Call) -> bool:
    """Whether a whole answer arrived before the extraction raised: then the answer is kept."""
    if not take.exchanges or call.error is None or not isinstance(call.error, Exception):
        return False
    return bool(call.by_model or call.facts.answers.rejected) or is_answer(call.error)


def _write(call: Call, slot: Slot, recording: Recording, old: Recording | None, made: Mapping[str, Any]) -> None:
    if old is not None and is_unchanged(old, recording, keeps_requests=slot.storage.keeps_requests):
        call.facts = call.facts._replace(**{name: old.meta[name] for name in _OF_RECORDING if name in old.meta})
        call.recorded = True
        return
    try:
        call.facts = call.facts._replace(
            attempt=recording.attempt_after(old),
            recorded=clock.utc_now().isoformat(timespec="seconds"),
            **made,
        )
        head = call.facts.head
        write_cassette(slot.path, cassette_text(slot.path, recording, head, slot.storage, slot.document, slot.ignore))
    except (CassetteError, SecretFoundError) as error:
        call.failure = Failure(str(error), is_final=isinstance(error, CassetteError), is_of_storage=True)
        call.status, call.problem = Status.STALE if old else Status.MISSING, f"not recorded: {error}"
    else:
        call.recorded = True


def _facts(recording: Recording, slot: Slot) -> CallFacts:
    first = recording.exchanges[0].request_body if recording.exchanges else b""
    meta, hashes = recording.meta, recording.meta.get("hashes")
    if hashes is None or ("request" not in hashes and not fingerprint.is_hash(first)):
        hashes = fingerprint.origin(first, slot.document)
    return CallFacts(
        summarize_answers(recording),
        hashes,
        tuple(recording.fingerprints),
        attempt=meta.get("attempt", 1),
        latency_s=meta.get("latency_s"),
        recorded=meta.get("recorded"),
        scrubbed=tuple(map(str, meta.get("scrubbed", recording.scrubbed))),
        via=meta.get("via"),
    )
