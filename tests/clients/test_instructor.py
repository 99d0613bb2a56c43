"""instructor, on top of the openai SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from suites import assert_gives_up, assert_records_and_replays, assert_streams, echo

instructor: Any = pytest.importorskip("instructor", reason="instructor is not installed")

EXTRACTORS = """
import instructor
from openai import AsyncOpenAI, OpenAI

client, async_client = instructor.from_openai(OpenAI()), instructor.from_openai(AsyncOpenAI())
json_client = instructor.from_openai(OpenAI(), mode=instructor.Mode.JSON)

def asking(text, **more):
    return {"model": "m", "response_model": Item, "messages": [{"role": "user", "content": text}], **more}

def read_sync(text) -> Item:
    return client.chat.completions.create(**asking(text))

async def read_async(text) -> Item:
    return await async_client.chat.completions.create(**asking(text))

def read_json(text) -> Item:
    return json_client.chat.completions.create(**asking(text))

def read_stream(text) -> Item:
    partial = list(client.chat.completions.create_partial(**asking(text)))
    assert len(partial) > 2, "a stream arrives in pieces"
    return Item.model_validate(partial[-1].model_dump())

def read_provider(text) -> Item:
    return instructor.from_provider("openai/m").chat.completions.create(**asking(text))
"""
STUBBORN = """
import instructor
from openai import OpenAI
from pydantic import field_validator

class Long(Item):
    @field_validator("name")
    def at_least_three_words(cls, name):
        if len(name.split()) < 3:
            raise ValueError("too short")
        return name

client = instructor.from_openai(OpenAI())

def read_again(text) -> Long:
    found = client.chat.completions.create(
        model="m", response_model=Long, max_retries=2, messages=[{"role": "user", "content": text}])
    return Item(name=found.name.removesuffix(" indeed"))
"""


def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Sync, async, JSON mode, partial objects of a stream, from_provider; replayed without a key."""
    with StandIn(echo) as provider:
        urls, keys = {"OPENAI_BASE_URL": provider.base_url}, {"OPENAI_API_KEY": "loopback-only"}
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, keys)
    assert_streams(found)


def test_asking_again_is_recorded(pytester: pytest.Pytester) -> None:
    """A validation error that instructor sends back is an exchange of its own, and replays as one."""

    def answer(body: dict[str, Any]) -> str:
        first = body["messages"][0]["content"]
        return echo({"messages": [{"content": first if len(body["messages"]) == 1 else f"{first} indeed"}]})

    with StandIn(answer) as provider:
        urls, keys = {"OPENAI_BASE_URL": provider.base_url}, {"OPENAI_API_KEY": "loopback-only"}
        found = assert_records_and_replays(pytester, provider, STUBBORN, urls, keys)
    assert [len(recording.exchanges) for recording in found["again"]] == [2, 2]


class Item(pydantic.BaseModel):
    name: str


def sync_extractor(provider: StandIn) -> Extractor:
    """One client for all threads."""
    client = instructor.from_openai(openai_of().OpenAI(base_url=provider.base_url, api_key="loopback-only"))
    return lambda document: client.chat.completions.create(**chat(document)).model_dump_json()


def async_extractor(provider: StandIn) -> Extractor:
    """One async client, as a module has it, in the one loop of the process."""
    client = instructor.from_openai(openai_of().AsyncOpenAI(base_url=provider.base_url, api_key="loopback-only"))

    async def extract(document: str) -> Any:
        return (await client.chat.completions.create(**chat(document))).model_dump_json()

    return extract


def openai_of() -> Any:
    """The openai SDK below instructor."""
    return pytest.importorskip("openai")


def chat(document: str) -> dict[str, Any]:
    """The arguments of a call."""
    return {"model": "m", "response_model": Item, "messages": [{"role": "user", "content": document}]}


@pytest.mark.parametrize("make", [sync_extractor, async_extractor])
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider)


GIVES_UP = """
import instructor
from openai import OpenAI

modes = instructor.Mode.JSON, instructor.Mode.MD_JSON, instructor.Mode.TOOLS
json_client, markdown, tools = (instructor.from_openai(OpenAI(), mode=mode) for mode in modes)

def asking(client, text, retries=1):
    return client.chat.completions.create(
        model="m", response_model=Item, max_retries=retries, messages=[{"role": "user", "content": text}])

def read_json(text) -> Item:
    return asking(json_client, text)

def read_markdown(text) -> Item:
    return asking(markdown, text, retries=2)

def read_tools(text) -> Item:
    return asking(tools, text)
"""


def test_giving_up_is_an_answer(pytester: pytest.Pytester) -> None:
    """What it raises after its retries is recorded, and lost as invalid."""
    assert_gives_up(pytester, GIVES_UP)
