"""A suite for each extractor of a test, and a provider that answers them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standin import Reply, StandIn

HEAD = """
import asyncio, dataclasses, functools, json, os, queue, socket, sys, threading, typing
import openai, pytest
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pydantic import BaseModel, ValidationError

class Item(BaseModel):
    name: str

client, async_client = openai.OpenAI(max_retries=0), openai.AsyncOpenAI(max_retries=0)
CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(2)]
LISTS = [{"id": f"c{i}", "input": f"doc {i}", "expected": [{"name": f"doc {i}"}]} for i in range(2)]

def request(text, system="Read.", model="m"):
    return {"model": model, "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}]}

def ask(text, system="Read.", model="m"):
    return client.chat.completions.create(**request(text, system, model)).choices[0].message.content

def parse(answer) -> Item:
    return Item.model_validate_json(answer)

def suite(extractor, cases=CASES, **arguments):
    @pytest.mark.llm_extract(extractor=extractor, cases=cases, **arguments)
    def test(extraction):
        assert extraction.output
    return test
"""


def answer(body: dict[str, Any]) -> str | Reply:
    """The document is the name; the system message asks for bad answers."""
    system, text = body["messages"][0]["content"], body["messages"][-1]["content"]
    if body["model"] == "gone":
        return Reply(404, json.dumps({"error": {"message": "no such model", "code": "model_not_found"}}))
    return "oops" if system == "Break." else json.dumps({"name": text})


class Forgetful(StandIn):
    """Answers like `answer`, and well at every third try only where it is told to be flaky."""

    def __init__(self) -> None:
        self.tries: dict[str, int] = {}
        super().__init__(self.flaky)

    def flaky(self, body: dict[str, Any]) -> str | Reply:
        system, text = body["messages"][0]["content"], body["messages"][-1]["content"]
        self.tries[text] = self.tries.get(text, 0) + (system == "Be flaky.")
        return "oops" if system == "Be flaky." and self.tries[text] % 3 else answer(body)


@pytest.fixture
def answering(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A provider that is where clients look for OpenAI, with a made-up key."""
    with Forgetful() as standin:
        monkeypatch.setenv("OPENAI_BASE_URL", standin.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
        yield standin


def run(project: pytest.Pytester, *arguments: str) -> tuple[pytest.RunResult, dict[str, tuple[set[str], str]]]:
    """Run pytest; by suite the statuses of its cases, and the last one's error."""
    found = project.runpytest_subprocess("--llm-extract-json=out.json", "--tb=short", *arguments)
    suites = json.loads((project.path / "out.json").read_text())["suites"]
    return found, {
        suite["id"].partition("::test_")[2]: (
            {case["status"] for case in suite["cases"]},
            suite["cases"][-1]["error"] or "",
        )
        for suite in suites
    }
