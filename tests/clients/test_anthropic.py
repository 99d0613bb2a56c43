"""The anthropic SDK: every way to call it, and sixty-four extractions at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from suites import assert_needs_key, assert_records_and_replays, assert_streams, echo

anthropic: Any = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")

EXTRACTORS = """
import anthropic

client, async_client = anthropic.Anthropic(), anthropic.AsyncAnthropic()
TOOL = {"name": "take", "description": "Takes it.", "input_schema": Item.model_json_schema()}

def asking(text, **more):
    return {"model": "m", "max_tokens": 99, "system": "Read.", "messages": [{"role": "user", "content": text}], **more}

def read_sync(text):
    return Item.model_validate_json(client.messages.create(**asking(text)).content[0].text)

async def read_async(text):
    return Item.model_validate_json((await async_client.messages.create(**asking(text))).content[0].text)

def read_stream(text):
    with client.messages.stream(**asking(text)) as stream:
        found = arrived(stream.text_stream)
        assert stream.get_final_message().stop_reason == "end_turn"
    return found

async def read_async_stream(text):
    async with async_client.messages.stream(**asking(text)) as stream:
        return arrived([piece async for piece in stream.text_stream])

def read_stream_of_events(text):
    events = client.messages.create(**asking(text, stream=True))
    return arrived(event.delta.text for event in events if event.type == "content_block_delta")

def read_tool(text):
    answer = client.messages.create(**asking(text, tools=[TOOL], tool_choice={"type": "tool", "name": "take"}))
    return Item.model_validate(answer.content[0].input)

def read_tool_stream(text):
    choice = {"type": "any"}
    with client.messages.stream(**asking(text, tools=[TOOL], tool_choice=choice)) as stream:
        assert len([event for event in stream if event.type == "input_json"]) > 2
        return Item.model_validate(stream.get_final_message().content[0].input)

def read_blocks(text):
    answer = client.messages.create(**asking([{"type": "text", "text": text}]))
    return Item.model_validate_json(answer.content[0].text)
"""


def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Sync, async, streamed, tools, clients of the module; replayed without a key, and never recorded without one."""
    with StandIn(echo) as provider:
        urls = {"ANTHROPIC_BASE_URL": provider.base_url.removesuffix("/v1")}
        assert_needs_key(pytester, provider, EXTRACTORS, urls, "ANTHROPIC_API_KEY")
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, {"ANTHROPIC_API_KEY": "loopback-only"})
    assert_streams(found)


def chat(document: str) -> dict[str, Any]:
    """The arguments of a message."""
    return {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": document}]}


def sync_extractor(provider: StandIn) -> Extractor:
    """One client for all threads."""
    client = anthropic.Anthropic(base_url=provider.base_url.removesuffix("/v1"), api_key="loopback-only")
    return lambda document: client.messages.create(**chat(document)).content[0].text


def async_extractor(provider: StandIn) -> Extractor:
    """Streams of one async client, as a module has it, in the one loop of the process."""
    client = anthropic.AsyncAnthropic(base_url=provider.base_url.removesuffix("/v1"), api_key="loopback-only")

    async def extract(document: str) -> Any:
        async with client.messages.stream(**chat(document)) as stream:
            return await stream.get_final_text()

    return extract


@pytest.mark.parametrize("make", [sync_extractor, async_extractor])
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider)
