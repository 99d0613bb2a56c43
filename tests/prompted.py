"""A suite with a prompt, written for each test."""

from __future__ import annotations

import json
from typing import Any

import pytest

MODULE = """
import pytest
from pathlib import Path
from pydantic import BaseModel

class Item(BaseModel):
    name: str

class Blob(BaseModel):
    name: bytes

CASES = [
    {{"id": f"c{{i}}", "input": f"doc {{i}}", "expected": {{"name": f"doc {{i}}"}}, "found": f"shelf {{i}}",
     "number": i, "shots": [["bolt", {{"name": "bolt"}}]]}}
    for i in range(2)
]

{extra}
@pytest.mark.llm_extract(**dict(schema=Item, prompt="read.md", cases=CASES, model="m") | dict({arguments}))
def test_items(extraction):
    assert extraction.output.name == extraction.case.input
    assert extraction.raw == '{{"name": "' + extraction.output.name + '"}}'
    assert extraction.usage.input_tokens > 0 and extraction.usage.output_tokens > 0
"""
APIS = pytest.mark.parametrize("api", ["chat", "responses"])


def write(project: pytest.Pytester, arguments: str, *, prompt: str = "Read.", extra: str = "") -> None:
    """A suite of two cases with a prompt file."""
    project.path.joinpath("read.md").write_text(prompt)
    project.makepyfile(test_items=MODULE.format(arguments=arguments, extra=extra))


def echo(body: dict[str, Any]) -> str:
    """The last turn is the name."""
    return json.dumps({"name": (body.get("messages") or body["input"])[-1]["content"]})


def case_of(project: pytest.Pytester) -> dict[str, Any]:
    """The first case of out.json."""
    found: dict[str, Any] = json.loads((project.path / "out.json").read_text())["suites"][0]["cases"][0]
    return found


FILES = """
CASES = [{{"id": "c0", "input": Path(__file__).parent / {name!r}, "expected": {{"name": "x"}}}}]
"""
PIXELS = bytes(range(256))
