"""Cassettes that store hashes instead of requests, and what those hashes show of a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, Sent
from pytest_llm_extract.cassette.file.fingerprint import origin
from pytest_llm_extract.cassette.file.staleness import RequestChange, RequestDifference, of_address, told
from pytest_llm_extract.results.accepted import request_parts

_NO_LINES = ("(request bodies are not stored, so their lines cannot be compared)",)


def hashed(recording: Recording, document: str | None, ignore: tuple[str, ...]) -> tuple[Recording, dict[str, Any]]:
    """Replace request bodies by hashes, and hash their parts for the head of the cassette."""
    origins = [origin(exchange.request_body, document) for exchange in recording.exchanges]
    return recording.without_requests, {"requests": origins, "ignore": list(ignore)}


def explain(
    recording: Recording, recorded: Exchange, sent: Sent, document: str | None, ignore: tuple[str, ...]
) -> RequestChange:
    """Why a request was not found: parts whose hash is another than that of a recorded request that was not sent."""
    if recording.meta.get("ignore", []) != list(ignore):
        return RequestChange("ignore= changed, and request bodies are not stored to compare without it", ())
    at = next(number for number, exchange in enumerate(recording.exchanges) if exchange is recorded)
    origins: list[Mapping[str, Any]] = recording.meta.get("requests", [])
    before, now = origins[at] if at < len(origins) else {}, origin(sent.body, document)
    changed = [RequestDifference(name, []) for name in _changed(before, now)]
    change = told([*of_address(recorded.sent, sent), *changed])
    return change._replace(lines=(*change.lines, *_NO_LINES), hint=None)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of parts whose hashes differ, by the newest split that both have."""
    names = ["document", "model"]
    old, new = request_parts(before.get("request")), request_parts(now["request"])
    if not old:
        old, new, names = dict(before), dict(now), ["prompt", "schema", "parameters", *names]
    told = [name for name in new if name in old and name != "request" and old[name] != new[name]]
    return [*told, *(name for name in names if name not in told and before.get(name) != now[name])]
