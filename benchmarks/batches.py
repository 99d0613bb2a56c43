"""Batches: how long it takes to collect many results, and whether a kill at any moment loses one or sends one twice.

`python benchmarks/batches.py collect --cases 10000` sends that many requests to a stand-in, and times the collection.
`python benchmarks/batches.py kill --times 30` kills sending and collecting runs (SIGKILL) at random moments. With
`--queue 20` the provider's queue takes about 20 of the 60 requests at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from standin_batches import BatchProvider

MODULE = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="gpt-4o-mini", cases="gold.jsonl")
def test_items(extraction):
    assert extraction.output.name
"""
SEND = (sys.executable, "-m", "pytest", "-q", "--llm-record", "--llm-extract-batch")
_REQUEST_BYTES = 480  # in the file of a batch
_MOST_COLLECTIONS = 30  # of one round, where the queue is small
COLLECT = (sys.executable, "-m", "pytest", "-q", "--llm-extract-collect")


class Ran(NamedTuple):
    """A run of pytest: how long it took, how much of a processor, and what it said."""

    took_s: float
    cpu_s: float
    said: str


class Project:
    """A suite of prompts in a folder, and the provider that it talks to."""

    def __init__(self, folder: Path, provider: BatchProvider, n_cases: int) -> None:
        self.folder, self.provider, self.n_cases = folder, provider, n_cases
        key = {"OPENAI_API_KEY": "loopback-only", "OPENAI_BASE_URL": provider.base_url}
        self._environment = {**os.environ, **key, "PYTEST_ADDOPTS": "-p no:cacheprovider"}
        (folder / "test_items.py").write_text(MODULE)
        (folder / "pytest.ini").write_text("[pytest]\n")
        rows = ({"id": f"c{n}", "input": f"document {n}", "expected": {"name": "x"}} for n in range(n_cases))
        (folder / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
        self.ask("Read.")

    def ask(self, prompt: str) -> None:
        """Change the prompt, so that every case is stale."""
        (self.folder / "read.md").write_text(prompt)

    def start(self, command: tuple[str, ...]) -> subprocess.Popen[str]:
        """Start a command in the folder."""
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=self._environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, command: tuple[str, ...]) -> Ran:
        """Run a command to its end."""
        start, before = time.perf_counter(), os.times()
        said = "".join(self.start(command).communicate())
        after = os.times()
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return Ran(time.perf_counter() - start, cpu_s, said)

    @property
    def open_files(self) -> list[Path]:
        """The files of batches that are not collected."""
        return sorted((self.folder / "cassettes").glob("batch-*.json"))


def measure_collection(n_cases: int) -> None:
    """Print how long it takes to send and to collect so many requests."""
    with tempfile.TemporaryDirectory() as folder, BatchProvider() as provider:
        project = Project(Path(folder), provider, n_cases)
        sent = project.run(SEND)
        provider.end()
        collected = project.run(COLLECT)
        n_written = len(list(project.folder.rglob("c*.yaml")))
        print(collected.said.strip().splitlines()[0])
        print(f"{n_cases:,} requests sent in {sent.took_s:.1f} s ({sent.cpu_s:.1f} s of processor)")
        print(f"{n_written:,} cassettes collected in {collected.took_s:.1f} s ({collected.cpu_s:.1f} s of processor)")


def kill_at_random(times: int, n_cases: int, seed: int, queue: int | None) -> int:
    """Kill runs at random moments, finish what they began, and count what was lost or sent twice."""
    draw, faults, n_killed = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder, BatchProvider() as provider:
        provider.ends_at_once = True
        project = Project(Path(folder), provider, n_cases)
        provider.queue_bytes = None if queue is None else queue * _REQUEST_BYTES
        lasts_s = [project.run(command).took_s for command in (SEND, COLLECT)]
        for number in range(times // 2):
            project.ask(f"Read in round {number}.")
            for command, took_s in zip((SEND, COLLECT), lasts_s, strict=True):
                n_killed += _killed(project, command, draw, took_s)
            project.run(SEND)
            for _ in range(_MOST_COLLECTIONS):
                if project.open_files:
                    project.run(COLLECT)
            faults += _faults(project, number)
    print(f"{n_killed} of {2 * (times // 2)} runs were killed before they ended; {faults} rounds with a fault")
    return faults


def _killed(project: Project, command: tuple[str, ...], draw: random.Random, took_s: float) -> bool:
    """Kill a run: some at any moment, some soon after it speaks to the provider or writes its first cassette."""
    n_calls, process = len(project.provider.calls), project.start(command)
    if draw.random() < 0.7:
        while process.poll() is None and len(project.provider.calls) == n_calls:
            time.sleep(0.001)
        time.sleep(draw.uniform(0.0, 0.2 * took_s))
    else:
        time.sleep(draw.uniform(0.0, took_s))
    was_running = process.poll() is None
    process.kill()
    process.communicate()
    return was_running


def _faults(project: Project, number: int) -> int:
    """Whether a request of this round was sent twice or never, a cassette is not of it, or a batch is left."""
    prompt = f"Read in round {number}."
    sent = Counter(
        body["messages"][-1]["content"]
        for body in project.provider.requests
        if body["messages"][0]["content"] == prompt
    )
    texts = [path.read_text() for path in project.folder.rglob("c*.yaml")]
    n_fresh = sum(prompt in text for text in texts)
    is_good = len(sent) == n_fresh == project.n_cases and set(sent.values()) == {1} and not project.open_files
    if not is_good:
        print(f"round {number}: sent {Counter(sent.values())}, {n_fresh} fresh, open {project.open_files}")
    return int(not is_good)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("collect", "kill"))
    parser.add_argument("--cases", type=int)
    parser.add_argument("--queue", type=int)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.what == "collect":
        measure_collection(given.cases or 10_000)
    else:
        sys.exit(kill_at_random(given.times, given.cases or 60, given.seed, given.queue))
