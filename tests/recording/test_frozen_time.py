"""A test that freezes the time is recorded and replayed like any other."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from recorded import record
from standin import Reply, StandIn

from pytest_llm_extract.cassette.file.load import load

pytestmark = pytest.mark.own_process  # a frozen clock must not outlive its run

MODULE = """
import asyncio, pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def messages(text):
    return [{"role": "user", "content": text}]

def read(text) -> Item:
    answer = OpenAI(max_retries=0).chat.completions.create(model="m", messages=messages(text))
    return Item.model_validate_json(answer.choices[0].message.content)

async def read_async(text) -> Item:
    await asyncio.sleep(0.01)
    async with AsyncOpenAI(max_retries=0) as client:
        answer = await client.chat.completions.create(model="m", messages=messages(text))
    return Item.model_validate_json(answer.choices[0].message.content)

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": "bolt"}} for i in range(3)]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_ahead(extraction):
    assert extraction.output

@pytest.mark.llm_extract(extractor=read_async, cases=CASES)
def test_async(extraction):
    assert extraction.output

@pytest.mark.llm_extract(schema=Item, cases=CASES)
def test_inside(extraction):
    assert extraction.run(read, extraction.case.input).name == "bolt"
"""
FREEZERS = {
    "freezegun_all_the_time": "import freezegun\nfreezegun.freeze_time('2020-01-01').start()",
    "freezegun_in_each_test": """
import freezegun, pytest
@pytest.fixture(autouse=True)
def frozen():
    with freezegun.freeze_time("2020-01-01"):
        yield
""",
    "pytest_freezer": """
import pytest
@pytest.fixture(autouse=True)
def frozen(freezer):
    freezer.move_to("2020-01-01")
""",
    "time_machine": """
import pytest, time_machine
@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel("2020-01-01", tick=False):
        yield
""",
    "by_hand": """
import pytest, time
@pytest.fixture(autouse=True)
def frozen(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("freezer", list(FREEZERS))
def test_frozen_time_holds_up_nothing(pytester: pytest.Pytester, freezer: str) -> None:
    """Also where the provider is busy first: the wait that it asks for has an end, and the recording its true date."""
    for name in ("freezegun", "pytest_freezer", "time_machine"):
        pytest.importorskip(name)
    pytester.makeconftest(FREEZERS[freezer])
    pytester.makepyfile(test_items=MODULE)
    busy = [Reply(429, "{}", headers={"retry-after-ms": "50"}), Reply(503, "{}")]

    def answer(body: dict[str, Any]) -> str | Reply:
        return busy.pop() if busy else '{"name": "bolt"}'

    with StandIn(answer) as provider:
        record(pytester, provider, "--llm-extract-concurrency=2").assert_outcomes(passed=12)
        assert len(provider.requests) == 11
    pytester.runpytest_subprocess().assert_outcomes(passed=12)
    cassettes = sorted(pytester.path.rglob("*.yaml"))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    assert len(cassettes) == 9
    for path in cassettes:
        recording = load(path)
        assert recording is not None
        assert recording.meta["recorded"] >= today
