"""One project with a suite for each way of calling a client: recorded over a socket, then replayed without one."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from standin import StandIn, said

from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.file.load import load

HEAD = """
import asyncio, json, os
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(2)]

def arrived(pieces):
    pieces = list(pieces)
    assert len(pieces) > 2, "a stream arrives in pieces"
    return Item.model_validate_json("".join(pieces))
"""
TAIL = """
def suite(extractor):
    @pytest.mark.llm_extract(extractor=extractor, cases=CASES, schema=Item)
    @pytest.mark.llm_accuracy(1.0)
    def test(extraction):
        assert extraction.output.name == extraction.case.input
    return test

for name in [name for name in globals() if name.startswith("read_")]:
    globals()[name.replace("read_", "test_")] = suite(globals()[name])
"""


def echo(body: dict[str, Any]) -> str:
    """The document as JSON."""
    return json.dumps({"name": said(body)})


def assert_records_and_replays(
    project: pytest.Pytester,
    provider: StandIn,
    extractors: str,
    urls: dict[str, str],
    keys: dict[str, str],
) -> dict[str, list[Recording]]:
    """Every `read_*` of a module, recorded with keys, replayed without any, serially and by two workers.

    Returns:
        The recordings, by the name that follows `read_`.
    """
    project.makepyfile(test_clients=HEAD + extractors + TAIL)
    names = re.findall(r"def read_(\w+)", extractors)
    passed = 3 * len(names)  # two cases and a gate
    with environment(urls | keys):
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=passed)
    connections = provider.connections
    with environment(urls):
        project.runpytest_subprocess().assert_outcomes(passed=passed)
        project.runpytest_subprocess("-n2").assert_outcomes(passed=passed)
    assert provider.connections == connections
    return {name: _recordings(project.path / "cassettes" / "test_clients" / f"test_{name}") for name in names}


def assert_needs_key(
    project: pytest.Pytester, provider: StandIn, extractors: str, urls: dict[str, str], variables: str
) -> None:
    """Recording without a key stops before anything is sent, and names the client's own variable."""
    project.makepyfile(test_clients=HEAD + extractors + TAIL)
    with environment(urls):
        run = project.runpytest_subprocess("--llm-record", "-k", "c0")
    run.assert_outcomes(failed=len(re.findall(r"def read_", extractors)))
    run.stdout.fnmatch_lines([f"*recording needs {variables}*"])
    assert provider.connections == 0


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables, and no other provider's key or URL."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL"))]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def _recordings(folder: Path) -> list[Recording]:
    found = [load(path) for path in sorted(folder.rglob("*.yaml"))]
    assert len(found) == 2
    return [recording for recording in found if recording is not None]


def assert_streams(recordings: dict[str, list[Recording]]) -> None:
    """What a stream recorded is a stream: its events as they came."""
    streams = [one for name, found in recordings.items() if "stream" in name for one in found]
    assert streams
    for recording in streams:
        assert [e.response_headers["content-type"] for e in recording.exchanges] == [["text/event-stream"]]
        assert recording.exchanges[-1].response_body.count(b"data: ") > 2


GAVE_UP = """
def suite(extractor):
    @pytest.mark.llm_extract(extractor=extractor, cases=CASES, schema=Item)
    def test(extraction):
        extraction.output
    return test

for name in [name for name in globals() if name.startswith("read_")]:
    globals()[name.replace("read_", "test_")] = suite(globals()[name])
"""


def assert_gives_up(project: pytest.Pytester, extractors: str) -> None:
    """Every `read_*` of a module gives up on an answer that is not JSON: recorded as invalid, and replayed as that."""
    project.makepyfile(test_gave_up=HEAD + extractors + GAVE_UP)
    found = project.path / "out.json"
    with StandIn(lambda body: "It is a bolt.") as provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        project.runpytest_subprocess("--llm-record", f"--llm-extract-json={found}")
        recorded, n_sent = _statuses(found), len(provider.requests)
        patch.delenv("OPENAI_API_KEY")
        project.runpytest_subprocess(f"--llm-extract-json={found}")
        assert len(provider.requests) == n_sent > 0
    n_suites = extractors.count("def read_")
    assert recorded == _statuses(found) == [["invalid", "invalid"]] * n_suites


def _statuses(path: Path) -> list[list[str]]:
    return [[case["status"] for case in suite["cases"]] for suite in json.loads(path.read_text())["suites"]]
