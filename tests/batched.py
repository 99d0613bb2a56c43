"""Runs of a project against a stand-in for batch APIs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recorded import reachable
from standin_batches import BatchProvider

PROMPT = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(4)]

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="gpt-4o-mini", cases=CASES)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    assert extraction.output.name
"""


@contextmanager
def batching(provider: BatchProvider) -> Iterator[BatchProvider]:
    """The provider is where clients look for OpenAI, with a made-up key."""
    with provider, reachable(provider.base_url):
        yield provider


def submit(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Send what is missing."""
    return project.runpytest_subprocess("--llm-record", "--llm-extract-batch", *arguments)


def collect(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Collect what ended."""
    return project.runpytest_subprocess("--llm-extract-collect", *arguments)


def batch_files(project: pytest.Pytester) -> list[Path]:
    """The files of batches that are not collected."""
    return sorted((project.path / "cassettes").glob("batch-*.json"))


def batch_file(project: pytest.Pytester) -> dict[str, Any]:
    """The content of the only one."""
    (path,) = batch_files(project)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def cassette_names(project: pytest.Pytester) -> list[str]:
    """The ids of the cases that have a cassette."""
    return sorted(path.name.rpartition("-")[0] for path in (project.path / "cassettes").rglob("*.yaml"))


@pytest.fixture
def prompted(bare: pytest.Pytester) -> pytest.Pytester:
    """A suite of four cases with a prompt file, and no key."""
    bare.path.joinpath("read.md").write_text("Read.")
    bare.makepyfile(test_items=PROMPT)
    return bare
