"""The openai SDK, 2.x and 3.x: every way to call it, and sixty-four extractions at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from suites import assert_records_and_replays, assert_streams, echo

openai: Any = pytest.importorskip("openai", reason="the openai SDK is not installed")

EXTRACTORS = """
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI

client, async_client, azure, async_azure = OpenAI(), AsyncOpenAI(), AzureOpenAI(), AsyncAzureOpenAI()

def asking(text, **more):
    turns = [{"role": "system", "content": "Read."}, {"role": "user", "content": text}]
    return {"model": "m", "messages": turns, **more}

def read_sync(text):
    return Item.model_validate_json(client.chat.completions.create(**asking(text)).choices[0].message.content)

async def read_async(text):
    answer = await async_client.chat.completions.create(**asking(text))
    return Item.model_validate_json(answer.choices[0].message.content)

def read_stream(text):
    chunks = client.chat.completions.create(**asking(text, stream=True, stream_options={"include_usage": True}))
    return arrived(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

async def read_async_stream(text):
    chunks = await async_client.chat.completions.create(**asking(text, stream=True))
    return arrived([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

def read_stream_with_events(text):
    with client.chat.completions.stream(**asking(text)) as stream:
        found = arrived([event.delta for event in stream if event.type == "content.delta"])
        assert stream.get_final_completion().choices[0].finish_reason == "stop"
    return found

def read_parse(text):
    return client.chat.completions.parse(**asking(text, response_format=Item)).choices[0].message.parsed

async def read_async_parse(text):
    answer = await async_client.chat.completions.parse(**asking(text, response_format=Item))
    return answer.choices[0].message.parsed

def read_tool(text):
    tool = {"type": "function", "function": {"name": "take", "parameters": Item.model_json_schema()}}
    choice = {"type": "function", "function": {"name": "take"}}
    answer = client.chat.completions.create(**asking(text, tools=[tool], tool_choice=choice))
    return Item.model_validate_json(answer.choices[0].message.tool_calls[0].function.arguments)

def read_responses(text):
    return Item.model_validate_json(client.responses.create(model="m", instructions="Read.", input=text).output_text)

def read_responses_parse(text):
    return client.responses.parse(model="m", input=text, text_format=Item).output_parsed

async def read_async_responses_parse(text):
    return (await async_client.responses.parse(model="m", input=text, text_format=Item)).output_parsed

def read_responses_tool(text):
    tool = {"type": "function", "name": "take", "parameters": Item.model_json_schema(), "strict": False}
    choice = {"type": "function", "name": "take"}
    answer = client.responses.create(model="m", input=text, tools=[tool], tool_choice=choice)
    return Item.model_validate_json(answer.output[-1].arguments)

def read_responses_stream(text):
    with client.responses.stream(model="m", input=text, text_format=Item) as stream:
        found = arrived([event.delta for event in stream if event.type == "response.output_text.delta"])
        assert stream.get_final_response().output_parsed == found
    return found

async def read_async_responses_stream(text):
    events = await async_client.responses.create(model="m", input=text, stream=True)
    return arrived([event.delta async for event in events if event.type == "response.output_text.delta"])

def read_raw_response(text):
    answer = client.chat.completions.with_raw_response.create(**asking(text))
    return Item.model_validate_json(json.loads(answer.text)["choices"][0]["message"]["content"])

def read_azure(text):
    return Item.model_validate_json(azure.chat.completions.create(**asking(text)).choices[0].message.content)

async def read_async_azure(text):
    answer = await async_azure.chat.completions.parse(**asking(text, response_format=Item))
    return answer.choices[0].message.parsed

def read_uploaded(text):
    stored = client.files.create(file=("doc.txt", text.encode()), purpose="user_data")
    parts = [{"type": "file", "file": {"file_id": stored.id}}, {"type": "text", "text": text}]
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
    return Item.model_validate_json(answer.choices[0].message.content)
"""


def answer(body: dict[str, Any]) -> str | dict[str, Any]:
    """The document, or what is told of a file that was uploaded."""
    stored = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "doc", "purpose": "user_data"}
    return stored if "multipart" in body else echo(body)


@pytest.mark.slow
def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Sync, async, streamed, parsed, tools, Responses, Azure, clients of the module; replayed without a key."""
    with StandIn(answer) as provider:
        azure = provider.base_url.removesuffix("/v1")
        urls = {
            "OPENAI_BASE_URL": provider.base_url,
            "AZURE_OPENAI_ENDPOINT": azure,
            "OPENAI_API_VERSION": "2024-10-21",
        }
        keys = {"OPENAI_API_KEY": "loopback-only", "AZURE_OPENAI_API_KEY": "loopback-only"}
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, keys)
    assert_streams(found)
    assert found["azure"][0].exchanges[0].url.startswith(f"{azure}/openai/deployments/m/chat/completions?")
    assert [urlsplit(exchange.url).path for exchange in found["uploaded"][0].exchanges] == [
        "/v1/files",
        "/v1/chat/completions",
    ]


def chat(document: str) -> dict[str, Any]:
    """The arguments of a chat completion."""
    return {"model": "m", "messages": [{"role": "user", "content": document}]}


def sync_extractor(provider: StandIn) -> Extractor:
    """One client for all threads."""
    client = openai.OpenAI(base_url=provider.base_url, api_key="loopback-only")
    return lambda document: client.chat.completions.create(**chat(document)).choices[0].message.content


def azure_extractor(provider: StandIn) -> Extractor:
    """One client of Azure for all threads."""
    endpoint = provider.base_url.removesuffix("/v1")
    client = openai.AzureOpenAI(azure_endpoint=endpoint, api_version="2024-10-21", api_key="loopback-only")
    return lambda document: client.chat.completions.create(**chat(document)).choices[0].message.content


def async_extractor(provider: StandIn) -> Extractor:
    """One async client, as a module has it, in the one loop of the process."""
    client = openai.AsyncOpenAI(base_url=provider.base_url, api_key="loopback-only")

    async def extract(document: str) -> Any:
        return (await client.chat.completions.create(**chat(document))).choices[0].message.content

    return extract


def streaming_extractor(provider: StandIn) -> Extractor:
    """Streams of one async client."""
    client = openai.AsyncOpenAI(base_url=provider.base_url, api_key="loopback-only")

    async def extract(document: str) -> str:
        chunks = await client.chat.completions.create(**chat(document), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

    return extract


def own_loop_extractor(provider: StandIn) -> Extractor:
    """A client and an event loop for each extraction."""

    async def extract(document: str) -> Any:
        async with openai.AsyncOpenAI(base_url=provider.base_url, api_key="loopback-only") as client:
            return (await client.chat.completions.create(**chat(document))).choices[0].message.content

    return lambda document: asyncio.run(extract(document))


EXTRACTORS_AT_ONCE = [sync_extractor, azure_extractor, async_extractor, streaming_extractor, own_loop_extractor]


@pytest.mark.parametrize("make", EXTRACTORS_AT_ONCE)
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider)
