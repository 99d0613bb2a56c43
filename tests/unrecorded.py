"""A suite of twelve documents that was never recorded, and a provider that counts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from standin import Reply, StandIn

SUITE = """
import os, time, pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

client = OpenAI(max_retries=0)

def read(text) -> Item:
    system = os.environ.get("SYSTEM", "Read.")
    answer = client.chat.completions.create(
        model="m", messages=[{"role": "system", "content": system}, {"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(12)]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    assert extraction.output.name
"""


class Provider(StandIn):
    """Echoes documents after a while, says what it costs, and knows how many calls were in flight at once."""

    def __init__(self, delay_s: float = 0.0, model: str = "gpt-4o-mini") -> None:
        self.in_flight = self.most_in_flight = self.answered = 0
        self._lock = threading.Lock()
        self._delay_s, self._model = delay_s, model
        super().__init__(self.answer)

    def answer(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        time.sleep(self._delay_s)
        with self._lock:
            self.in_flight -= 1
            self.answered += 1
        return self.reply(body)

    def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
        message = {"role": "assistant", "content": json.dumps({"name": body["messages"][-1]["content"]})}
        usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": self._model,
            "choices": [choice],
            "usage": usage,
        }


@pytest.fixture
def unrecorded(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of twelve cases, and a key that is none."""
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    pytester.makepyfile(test_items=SUITE)
    return pytester


@contextmanager
def serving(provider: StandIn) -> Iterator[None]:
    """The provider is where clients look for OpenAI."""
    with provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        yield


def cassettes(unrecorded: pytest.Pytester) -> list[Path]:
    """All files below the folder of cassettes."""
    return sorted(path for path in (unrecorded.path / "cassettes").rglob("*") if path.is_file())


IN_TEST = """
@pytest.mark.llm_extract(schema=Item, cases=CASES[:4])
def test_own(extraction):
    extraction.run(read, extraction.case.input)
"""
