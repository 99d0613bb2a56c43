"""pydantic-ai, on top of the openai SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from suites import assert_gives_up, assert_records_and_replays, assert_streams, echo

pydantic_ai: Any = pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")

EXTRACTORS = """
from pydantic_ai import Agent, NativeOutput

agent = Agent("openai-chat:m", output_type=Item, instructions="Read.")
native = Agent("openai-responses:m", output_type=NativeOutput(Item))

def read_sync(text) -> Item:
    return agent.run_sync(text).output

async def read_async(text) -> Item:
    return (await agent.run(text)).output

async def read_responses(text) -> Item:
    return (await native.run(text)).output

async def read_stream(text) -> Item:
    async with agent.run_stream(text) as run:
        partial = [item async for item in run.stream_output(debounce_by=None)]
    assert len(partial) > 2, "a stream arrives in pieces"
    return partial[-1]

async def read_gathered(text) -> Item:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(agent.run(text, instructions=f"{n}")) for n in range(3)]
    return tasks[0].result().output
"""


def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Sync, async, streamed, tool and native output, tasks of one case; replayed without a key."""
    with StandIn(echo) as provider:
        urls, keys = {"OPENAI_BASE_URL": provider.base_url}, {"OPENAI_API_KEY": "loopback-only"}
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, keys)
    assert_streams(found)


class Item(pydantic.BaseModel):
    name: str


def agent_of(provider: StandIn) -> Any:
    """An agent that asks the stand-in."""
    models = pytest.importorskip("pydantic_ai.models.openai")
    providers = pytest.importorskip("pydantic_ai.providers.openai")
    served = providers.OpenAIProvider(base_url=provider.base_url, api_key="loopback-only")
    return pydantic_ai.Agent(models.OpenAIChatModel("m", provider=served), output_type=Item)


def async_extractor(provider: StandIn) -> Extractor:
    """One agent, as a module has it, in the one loop of the process."""
    agent = agent_of(provider)

    async def extract(document: str) -> Any:
        return (await agent.run(document)).output.model_dump_json()

    return extract


def streaming_extractor(provider: StandIn) -> Extractor:
    """Streams of one agent."""
    agent = agent_of(provider)

    async def extract(document: str) -> Any:
        async with agent.run_stream(document) as run:
            return (await run.get_output()).model_dump_json()

    return extract


@pytest.mark.parametrize("make", [async_extractor, streaming_extractor])
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider)


GIVES_UP = """
from pydantic_ai import Agent, NativeOutput, PromptedOutput

tool, native, prompted = (
    Agent("openai-chat:m", output_type=kind) for kind in (Item, NativeOutput(Item), PromptedOutput(Item)))

async def read_tool(text) -> Item:
    return (await tool.run(text)).output

async def read_native(text) -> Item:
    return (await native.run(text)).output

async def read_prompted(text) -> Item:
    return (await prompted.run(text)).output
"""


def test_giving_up_is_an_answer(pytester: pytest.Pytester) -> None:
    """What it raises after its retries is recorded, and lost as invalid."""
    assert_gives_up(pytester, GIVES_UP)
