"""litellm: its OpenAI, Anthropic and Gemini routes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from suites import assert_records_and_replays, assert_streams, echo

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches prices from the network when it is imported
litellm: Any = pytest.importorskip("litellm", reason="litellm is not installed")

EXTRACTORS = """
import litellm

def asking(text, model="openai/m", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}

def content(answer):
    return Item.model_validate_json(answer.choices[0].message.content)

def read_sync(text):
    return content(litellm.completion(**asking(text)))

async def read_async(text):
    return content(await litellm.acompletion(**asking(text)))

def read_stream(text):
    chunks = litellm.completion(**asking(text, stream=True))
    return arrived(chunk.choices[0].delta.content or "" for chunk in chunks)

async def read_async_stream(text):
    chunks = await litellm.acompletion(**asking(text, stream=True))
    return arrived([chunk.choices[0].delta.content or "" async for chunk in chunks])

def read_anthropic(text):
    return content(litellm.completion(**asking(text, "anthropic/m", max_tokens=99)))

async def read_async_anthropic(text):
    return content(await litellm.acompletion(**asking(text, "anthropic/m", max_tokens=99)))

def read_gemini(text):
    return content(litellm.completion(**asking(text, "gemini/m", api_base=os.environ["GEMINI_BASE_URL"])))

async def read_async_gemini(text):
    return content(await litellm.acompletion(**asking(text, "gemini/m", api_base=os.environ["GEMINI_BASE_URL"])))
"""


def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Sync, async and streamed over the openai SDK, and over litellm's own clients; replayed without a key."""
    with StandIn(echo) as provider:
        bare = provider.base_url.removesuffix("/v1")
        urls = {
            "OPENAI_BASE_URL": provider.base_url,
            "ANTHROPIC_BASE_URL": bare,
            "GEMINI_BASE_URL": f"{bare}/v1beta/models/m",
        }
        names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, dict.fromkeys(names, "loopback-only"))
    assert_streams(found)


def chat(provider: StandIn, document: str) -> dict[str, Any]:
    """The arguments of a completion."""
    messages = [{"role": "user", "content": document}]
    return {"model": "openai/m", "base_url": provider.base_url, "api_key": "loopback-only", "messages": messages}


def sync_extractor(provider: StandIn) -> Extractor:
    """litellm's own client for all threads."""
    return lambda document: litellm.completion(**chat(provider, document)).choices[0].message.content


def async_extractor(provider: StandIn) -> Extractor:
    """litellm's own async client in the one loop of the process."""

    async def extract(document: str) -> Any:
        return (await litellm.acompletion(**chat(provider, document))).choices[0].message.content

    return extract


def aiohttp_extractor(provider: StandIn) -> Extractor:
    """The route to Anthropic, which litellm serves over aiohttp."""
    bare = provider.base_url.removesuffix("/v1")

    async def extract(document: str) -> Any:
        asked = {**chat(provider, document), "model": "anthropic/m", "base_url": bare, "max_tokens": 99}
        return (await litellm.acompletion(**asked)).choices[0].message.content

    return extract


@pytest.mark.parametrize("make", [sync_extractor, async_extractor, aiohttp_extractor])
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider)
