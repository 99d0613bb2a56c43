"""Which wire format an answer is in, by the shape of its body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from pytest_llm_extract.wire_formats import anthropic, bedrock, cohere, google, ollama, openai_chat, openai_responses
from pytest_llm_extract.wire_formats.base import Body, RawAnswer, WireFormat
from pytest_llm_extract.wire_formats.members import mapping, mappings, text

FORMATS: tuple[WireFormat, ...] = tuple(
    module.FORMAT for module in (openai_chat, openai_responses, anthropic, google, cohere, bedrock, ollama)
)
NOTHING = RawAnswer(None, None, None)
_DONE = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)
_FAILED = frozenset({"failed", "error", "cancelled"})
_STREAMS = ("text/event-stream", "application/stream+json")  # the latter is Cohere's, version 1
# Not `str.splitlines`: JSON may hold U+2028 and its like as they are.
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_answer_body(body: Body) -> RawAnswer:
    """Read the JSON of a whole answer; of any other JSON, nothing but that a content filter refused."""
    for wire_format in FORMATS:
        if wire_format.is_answer(body):
            return wire_format.read(body)
    error = mapping(body.get("error"))
    if error.get("code") != "content_filter":
        return NOTHING
    return RawAnswer(None, text(error.get("message")) or "content_filter", "content_filter")


@lru_cache(maxsize=64)  # of one recording, the same few are read for status, summary, failure and report
def read_wire_answer(body: bytes) -> RawAnswer:
    """Read the body of an HTTP answer: JSON, or a stream as server-sent events, as one array or as JSON lines."""
    try:
        value = json_of(body)
        if isinstance(value, dict):
            return read_answer_body(value)
        return _read_stream(list(mappings(value) if isinstance(value, list) else events_of(body)))
    except RecursionError:  # no answer is nested that deeply
        return NOTHING


def is_cut_off(body: bytes, media_type: str) -> bool:
    """Whether an answer broke off on its way: it says that it is JSON and is none, or its stream has no end."""
    is_stream = media_type in _STREAMS
    is_json = not is_stream and (media_type == "application/json" or media_type.endswith("+json"))
    if not body or not (is_json or is_stream):
        return False
    answer = read_wire_answer(body)
    if is_json:
        return answer == NOTHING and not _is_json(body)
    return answer != NOTHING and answer.finish_reason is None and not _DONE.search(body)


def is_failed(body: bytes) -> bool:
    """Whether an answer says that there is none: a response that failed, or an error and nothing else."""
    answer = read_wire_answer(body)
    try:
        return answer.finish_reason in _FAILED or (answer == NOTHING and bool(mapping(json_of(body)).get("error")))
    except RecursionError:
        return False


def _is_json(body: bytes) -> bool:
    """Whether it has the form of JSON from beginning to end, however odd its texts and numbers are."""
    try:
        json.loads(body.decode(json.detect_encoding(body), "replace"), strict=False, parse_int=str)
    except ValueError:
        return False
    except RecursionError:
        pass
    return True


def _read_stream(events: Sequence[Body]) -> RawAnswer:
    for event in events:
        for wire_format in FORMATS:
            if wire_format.is_event(event):
                return wire_format.read(wire_format.join(events))
    return NOTHING


def events_of(body: bytes) -> Iterator[Body]:
    """The JSON objects of server-sent events, or of lines that are JSON."""
    for event in _events(body):
        yield from mappings([json_of(event)])


def lines_of_data(body: bytes) -> Iterator[str]:
    """The data of server-sent events that is not JSON."""
    yield from (event for event in _events(body) if event[:1] not in ("{", "["))


def _events(body: bytes) -> Iterator[str]:
    data: list[str] = []
    for line in [*_LINE_END.split(body.decode("utf-8", "replace")), ""]:
        name, colon, value = line.partition(":")
        if colon and name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
        elif line.startswith("{"):
            yield line


def json_of(body: bytes | str) -> Any:
    """The value of a JSON text; None for any other text."""
    try:
        return json.loads(body)
    except ValueError:
        return None
