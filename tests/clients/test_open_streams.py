"""A stream whose connection stays open after its last event is complete."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import standin_streams

SUITE = """
import pytest
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

CASES = [{"id": "c0", "input": "doc", "expected": {"name": "bolt"}}]

@pytest.mark.llm_extract(extractor=EXTRACTOR, cases=CASES)
def test_items(extraction):
    assert extraction.output.name
"""


@pytest.fixture
def open_stream() -> Iterator[str]:
    """The address of a server that says `[DONE]` and does not hang up."""
    message = {"role": "assistant", "content": '{"name": "bolt"}'}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {"id": "c", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    events = standin_streams.chat_events(answer).encode()
    assert events.endswith(b"data: [DONE]\n\n")
    server = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + events[:-5])
            time.sleep(0.05)
            connection.sendall(events[-5:])

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    server.close()
    for connection in held:
        connection.close()


@pytest.mark.parametrize("extractor", ["read", "read_async"])
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
