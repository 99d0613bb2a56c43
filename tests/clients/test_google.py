"""The google-genai SDK over httpx and over aiohttp: every way to call it, and sixty-four extractions at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from suites import assert_needs_key, assert_records_and_replays, assert_streams, echo

genai: Any = pytest.importorskip("google.genai", reason="google-genai is not installed")

EXTRACTORS = """
import httpx2
from google import genai
from google.genai import types

client = genai.Client()
over_httpx = genai.Client(http_options=types.HttpOptions(httpx_async_client=httpx2.AsyncClient()))
FORCED = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))

def take(name: str) -> str:
    "Takes it."

def asking(text, **config):
    return {"model": "gemini-m", "contents": text, "config": types.GenerateContentConfig(
        system_instruction="Read.", response_mime_type="application/json", **config)}

def read_sync(text):
    return Item.model_validate_json(client.models.generate_content(**asking(text)).text)

def read_parsed(text):
    return client.models.generate_content(**asking(text, response_schema=Item)).parsed

async def read_async(text):
    return Item.model_validate_json((await client.aio.models.generate_content(**asking(text))).text)

async def read_async_over_httpx(text):
    return Item.model_validate_json((await over_httpx.aio.models.generate_content(**asking(text))).text)

def read_stream(text):
    return arrived(chunk.text for chunk in client.models.generate_content_stream(**asking(text)))

async def read_async_stream(text):
    chunks = await client.aio.models.generate_content_stream(**asking(text))
    return arrived([chunk.text async for chunk in chunks])

async def read_async_stream_over_httpx(text):
    chunks = await over_httpx.aio.models.generate_content_stream(**asking(text))
    return arrived([chunk.text async for chunk in chunks])

def read_tool(text):
    config = types.GenerateContentConfig(tools=[take], tool_config=FORCED, automatic_function_calling={"disable": True})
    answer = client.models.generate_content(model="gemini-m", contents=text, config=config)
    return Item.model_validate(answer.function_calls[0].args)
"""


def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Sync, async, streamed, tools, a client of the module; replayed without a key, and never recorded without one."""
    with StandIn(echo) as provider:
        urls = {"GOOGLE_GEMINI_BASE_URL": provider.base_url.removesuffix("/v1")}
        assert_needs_key(pytester, provider, EXTRACTORS, urls, "GEMINI_API_KEY or GOOGLE_API_KEY")
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, {"GEMINI_API_KEY": "loopback-only"})
    assert_streams(found)


def client_of(provider: StandIn) -> Any:
    """A client of the stand-in."""
    options = {"base_url": provider.base_url.removesuffix("/v1")}
    return genai.Client(api_key="loopback-only", http_options=options)


def sync_extractor(provider: StandIn) -> Extractor:
    """One client for all threads."""
    client = client_of(provider)
    return lambda document: client.models.generate_content(model="m", contents=document).text


def async_extractor(provider: StandIn) -> Extractor:
    """One client, as a module has it, in the one loop of the process."""
    client = client_of(provider)

    async def extract(document: str) -> Any:
        return (await client.aio.models.generate_content(model="m", contents=document)).text

    return extract


@pytest.mark.parametrize("make", [sync_extractor, async_extractor])
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider)
