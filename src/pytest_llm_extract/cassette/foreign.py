"""Turn recordings of other tools into this package's form."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.fingerprint import origin
from pytest_llm_extract.cassette.http.replay import CassetteMiss, Record, Replay
from pytest_llm_extract.cassette.scrub.headers import NotStorable
from pytest_llm_extract.config.settings import Storage


def as_kept(
    recording: Recording, case_id: str, ignore: tuple[str, ...] = (), storage: Storage | None = None
) -> Recording:
    """The recording in this package's form: scrubbed, without failures that a retry resolved.

    Raises:
        NotStorable: an answer cannot be decoded, or a filter of the project keeps nothing of it.
    """
    take = Record(ignore, storage=storage, scheme=recording.scheme)
    for exchange in recording.exchanges:
        take.append(_request(exchange, exchange.request_body), exchange.to_vcr())
    if take.problem is not None or not take.exchanges:
        raise NotStorable(take.problem or "the project's filters keep nothing of it")
    return Recording(tuple(take.exchanges), case_id)


def no_answer(recording: Recording) -> str | None:
    """What a recording holds instead of an answer, where every exchange failed; None if one did not.

    A refusal of the model or of the request counts as an answer.
    """
    for exchange in recording.exchanges:
        if exchange.is_rejected or (exchange.says_something and not exchange.is_failed):
            return None
    statuses = dict.fromkeys(f"HTTP {exchange.status}" for exchange in recording.exchanges)
    return f"holds errors only ({', '.join(statuses)}), and no answer of a model" if statuses else None


def by_sample(kept: Recording, n_samples: int) -> list[Recording]:
    """One recording for each sample, where the same requests are there as many times over; else all for the first.

    Requests that are there another number of times may be those of one extraction that repeats itself.
    """
    size, rest = divmod(len(kept.exchanges), n_samples)
    parts = [kept._replace(exchanges=kept.exchanges[n * size : (n + 1) * size]) for n in range(n_samples)]
    return parts if not rest and all(part.fingerprints == parts[0].fingerprints for part in parts) else [kept]


def plays(recording: Recording, body: bytes, ignore: tuple[str, ...], storage: Storage) -> Exchange | None:
    """The exchange that answers a request with this body at any address; None if there is none."""
    for exchange in recording.exchanges:
        take = Replay(recording, ignore, storage)
        try:
            take.response(_request(exchange, body))
        except CassetteMiss:
            continue
        return take.played[0]
    return None


def head_of(kept: Recording, recording: Recording, document: str | None, old: Recording | None) -> dict[str, Any]:
    """The header of an adopted recording; `old` is the recording that it replaces.

    The time is that of the provider's answer; how long it took is not known, unless this package recorded it.
    """
    head = {
        "hashes": origin(kept.exchanges[0].request_body, document),
        "attempt": kept.attempt_after(old),
    }
    if (recorded := _answered_at(recording)) is not None:
        head["recorded"] = recorded
    return {**head, **{name: recording.meta[name] for name in ("latency_s", "recorded") if name in recording.meta}}


def _answered_at(recording: Recording) -> str | None:
    headers = recording.exchanges[0].response_headers
    values = next((values for name, values in headers.items() if name.lower() == "date"), [])
    try:
        return parsedate_to_datetime(values[0]).isoformat(timespec="seconds") if values else None
    except ValueError:
        return None


def _request(exchange: Exchange, body: bytes) -> Request:
    return Request(exchange.method, exchange.url, body, exchange.request_headers)
