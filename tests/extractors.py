"""Extractors as people write them, as the text of a suite: HEAD, one of EXTRACTORS, TAIL."""

from __future__ import annotations

import json
from typing import Any

HEAD = """
import asyncio, socket, threading
import pytest
from concurrent.futures import ThreadPoolExecutor
from openai import OpenAI, AsyncOpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

client, async_client = OpenAI(), AsyncOpenAI()

def ask(text, system="Read."):
    answer = client.chat.completions.create(
        model="m", messages=[{"role": "system", "content": system}, {"role": "user", "content": text}])
    return answer.choices[0].message.content
"""
TAIL = """
CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(3)]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    assert extraction.output.name
"""
EXTRACTORS = {
    "sync": "def read(text) -> Item:\n    return Item.model_validate_json(ask(text))",
    "async": """
async def read(text) -> Item:
    answer = await async_client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)
""",
    "two calls": """
def read(text) -> Item:
    ask(text, "First.")
    return Item.model_validate_json(ask(text, "Then."))
""",
    "the same call twice": "def read(text) -> Item:\n    ask(text)\n    return Item.model_validate_json(ask(text))",
    "thread": """
def read(text) -> Item:
    found = []
    thread = threading.Thread(target=lambda: found.append(ask(text)))
    thread.start()
    thread.join()
    return Item.model_validate_json(found[0])
""",
    "pool made at import time": """
pool = ThreadPoolExecutor(2)
pool.submit(int).result()
def read(text) -> Item:
    return Item.model_validate_json(pool.submit(ask, text).result())
""",
    "gather": """
async def read(text) -> Item:
    async def one(system):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        return await async_client.chat.completions.create(model="m", messages=messages)
    answers = await asyncio.gather(*(one(f"s{i}") for i in range(5)))
    return Item.model_validate_json(answers[0].choices[0].message.content)
""",
    "requests": """
import os, requests
def read(text) -> Item:
    url = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1") + "/chat/completions"
    headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    answer = requests.post(url, json=body, headers=headers)
    return Item.model_validate_json(answer.json()["choices"][0]["message"]["content"])
""",
}


def echo(body: dict[str, Any]) -> str:
    """The document is the name."""
    return json.dumps({"name": body["messages"][-1]["content"]})
