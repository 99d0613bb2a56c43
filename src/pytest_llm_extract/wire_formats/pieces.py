"""What the pieces of a body say together: the events of a stream, and the parts of a whole answer."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.wire_formats.detect import events_of, json_of, lines_of_data

_DEEPEST = 40
_PRELUDE = struct.Struct(">III")  # of a frame of AWS: its length, that of its headers, and a checksum


def joined_pieces(body: bytes) -> list[str]:
    """Every text of a body that comes in several pieces, whole, whichever API it is of.

    Pieces belong together if they have the same names around them and the same `index` there: those of all events of a
    stream (server-sent events, JSON lines, an array, frames of AWS), or of all items of the lists in one object.
    """
    pieces: dict[tuple[str | int, ...], list[str]] = {}
    try:
        for value in _values(body):
            for path, piece in _strings(value, (), 0):
                pieces.setdefault(path, []).append(piece)
    except RecursionError:  # no answer is nested that deeply
        return []
    return ["".join(found) for found in pieces.values() if len(found) > 1]


def _values(body: bytes) -> Iterator[Any]:
    """The JSON of a body: the whole, or one event after the other; of events that are not JSON, their text."""
    if (whole := json_of(body)) is not None:
        yield from whole if isinstance(whole, list) else [whole]
        return
    if frames := list(_frames(body)):
        for payload in frames:
            event = json_of(payload)
            coded = event.get("bytes") if isinstance(event, dict) else None
            yield _decoded(coded) if isinstance(coded, str) else event
        return
    yield from events_of(body)
    yield from lines_of_data(body)


def _strings(value: Any, path: tuple[str | int, ...], depth: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif depth == _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, path, depth + 1)
    elif isinstance(value, dict):
        indexes = [number for name, number in value.items() if name.endswith("index") and isinstance(number, int)]
        for name, member in value.items():
            yield from _strings(member, (*path, *indexes, name), depth + 1)


def _frames(body: bytes) -> Iterator[bytes]:
    """The payloads of AWS's binary event streams (`application/vnd.amazon.eventstream`)."""
    at = 0
    while at + _PRELUDE.size <= len(body):
        length, of_headers, _ = _PRELUDE.unpack_from(body, at)
        if not _PRELUDE.size + of_headers + 4 <= length <= len(body) - at:
            return
        yield body[at + _PRELUDE.size + of_headers : at + length - 4]
        at += length


def _decoded(coded: str) -> Any:
    try:
        return json.loads(base64.b64decode(coded))
    except ValueError:
        return None
