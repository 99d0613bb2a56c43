"""Cassettes without the text of requests: what is kept in its place, and what that still tells of a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.file.fingerprint import origin
from pytest_llm_extract.cassette.file.staleness import Change, in_words

_NO_LINES = ("(request bodies are not stored, so their lines cannot be compared)",)


def hashed(recording: Recording, document: str | None, ignore: tuple[str, ...]) -> tuple[Recording, dict[str, Any]]:
    """The recording with hashes of its request bodies, and hashes of their parts, for the head of the cassette."""
    origins = [origin(exchange.request_body, document) for exchange in recording.exchanges]
    return recording.without_requests, {"requests": origins, "ignore": list(ignore)}


def explain(recording: Recording, at: int, sent: bytes, document: str | None, ignore: tuple[str, ...]) -> Change:
    """Why a request was not found: parts whose hash is another than that of the recorded request at its position."""
    if recording.meta.get("ignore", []) != list(ignore):
        return Change("ignore= changed, and request bodies are not stored to compare without it", ())
    recorded: list[Mapping[str, Any]] = recording.meta.get("requests", [])
    before, now = recorded[at] if at < len(recorded) else {}, origin(sent, document)
    changed = [name for name in now if before.get(name) != now[name]]
    again = "request sent in another order, or more often, than recorded"
    return Change(f"{in_words(changed)} changed" if changed else again, _NO_LINES)
