"""A stream whose connection stays open after its last event is complete."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import standin_streams

from pytest_llm_extract.cassette.http.stream_end import StreamEnd

SUITE = """
import json, os, pytest, requests
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

ASKED = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "doc"}]}

def read(text) -> Item:
    stream = OpenAI(timeout=20).chat.completions.create(**ASKED)
    return Item.model_validate_json("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))

async def read_async(text) -> Item:
    async with AsyncOpenAI(timeout=20) as client:
        stream = await client.chat.completions.create(**ASKED)
        return Item.model_validate_json("".join(
            [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]))

def read_plainly(text) -> Item:
    address = os.environ.get("OPENAI_BASE_URL", "http://localhost/v1")
    said = requests.post(f"{address}/chat/completions", json=ASKED, timeout=20).text
    chunks = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return Item.model_validate_json("".join(delta.get("content") or "" for delta in deltas))

CASES = [{"id": "c0", "input": "doc", "expected": {"name": "bolt"}}]

@pytest.mark.llm_extract(extractor=EXTRACTOR, cases=CASES)
def test_items(extraction):
    assert extraction.output.name
"""


@pytest.fixture
def open_stream() -> Iterator[str]:
    """The address of a server that says `[DONE]` and does not hang up."""
    with standin_streams.never_ending('{"name": "bolt"}') as address:
        yield address


DONE = b'data: {"choices": []}\n\ndata: [DONE]\n'
ANTHROPIC = (
    b'event: message_delta\ndata: {"type": "message_delta"}\n\nevent: message_stop\ndata: {"type": "message_stop"}\n\n'
)
RESPONSES = b'data: {"type": "response.created"}\n\ndata: {"type":"response.completed","response":{"id": "r"}}\n\n'


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("events", [DONE, ANTHROPIC, RESPONSES])
def test_last_event_of_each_api(events: bytes, line_end: bytes, size: int) -> None:
    """In pieces of any size, with any line end; not before it, and not where an answer speaks of it."""
    said = events.replace(b"\n", line_end)
    said += b":" if line_end == b"\r" else b""  # whether a line feed follows the last carriage return is not known yet
    end, pieces = StreamEnd(), [said[at : at + size] for at in range(0, len(said), size)]
    assert [end.is_in(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    quoted = b"data: " + json.dumps({"type": "delta", "text": events.decode()}).encode() + line_end * 2
    assert not StreamEnd().is_in(quoted)


def test_long_events_in_small_pieces_take_no_time() -> None:
    """A last event has the whole answer in one line: to look for its end costs nothing beside the connection."""
    start, end = time.process_time(), StreamEnd()
    end.is_in(b'data: {"type": "response.completed", "text": "')
    assert not any(end.is_in(b"x" * 1_400) for _ in range(200))
    assert end.is_in(b'"}\n\n')
    assert time.process_time() - start < 1


@pytest.mark.parametrize("extractor", ["read", "read_async", "read_plainly"])
def test_stream_ends_with_done(bare: pytest.Pytester, open_stream: str, extractor: str) -> None:
    """Recorded at once, not after a timeout; and it replays."""
    bare.makepyfile(test_items=SUITE.replace("EXTRACTOR", extractor))
    start = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", open_stream)
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        bare.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
    assert time.monotonic() - start < 19
    bare.runpytest_subprocess().assert_outcomes(passed=2)
