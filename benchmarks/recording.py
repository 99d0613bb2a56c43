"""Recording against a stand-in provider: its pace, its limits, its memory, and kill -9, in one run.

    python benchmarks/recording.py                     everything, about ten minutes
    python benchmarks/recording.py pace --rounds 5     only the pace

- pace: 1,200 calls of 200 ms, 40 in flight, for `prompt=`, `extractor=` and an async extractor, beside a plain script
  with 40 threads that keeps nothing, one after the other in each round: seconds up to the provider's last answer, the
  whole start-up of the process included, as a multiple of the script's
- limits: 60 calls a second; 120 a second with 5 % errors: what was recorded, and how many calls were refused
- memory: the peak of a process that records 10,000 cases, beside one that records 500
- kills: kill -9 at random moments, again and again until all is recorded; what was lost, and whether a file is broken

What the provider answers says nothing about any model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.cassette.file.load import load

SUITE = """
import os, pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

sync, asynchronous = OpenAI(), AsyncOpenAI()
CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(int(os.environ["N"]))]

def request(text):
    return {"model": "m", "messages": [{"role": "system", "content": "Read."}, {"role": "user", "content": text}]}

def extract(text) -> Item:
    answer = sync.chat.completions.create(**request(text))
    return Item.model_validate_json(answer.choices[0].message.content)

async def extract_async(text) -> Item:
    answer = await asynchronous.chat.completions.create(**request(text))
    return Item.model_validate_json(answer.choices[0].message.content)
"""
# A module each, since pytest collects whole modules.
MARKERS = {
    "extractor": "extractor=extract",
    "async": "extractor=extract_async",
    "prompt": 'schema=Item, prompt="prompt.md", model="m", response_format="json_object"',
}

PLAIN = """
import sys, threading
from openai import OpenAI

client, lock, numbers = OpenAI(), threading.Lock(), iter(range(int(sys.argv[1])))

def work():
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        messages = [{"role": "system", "content": "Read."}, {"role": "user", "content": f"doc {number}"}]
        client.chat.completions.create(model="m", messages=messages)

threads = [threading.Thread(target=work) for _ in range(int(sys.argv[2]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


class Provider:
    """The provider in a process of its own."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def counters(self) -> dict[str, Any]:
        """What it saw so far."""
        with urllib.request.urlopen(self.base_url) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def provider(delay_s: float = 0.2, limit: int = 0, errors: float = 0.0) -> Iterator[Provider]:
    """Start one, and end it."""
    script = Path(__file__).with_name("provider.py")
    command = [sys.executable, str(script), f"--delay={delay_s}", f"--limit={limit}", f"--errors={errors}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # it is a pipe
        try:
            yield Provider(process.stdout.readline().strip())
        finally:
            process.kill()


@contextmanager
def project() -> Iterator[Path]:
    """A folder with the suites, without recordings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suite, arguments in MARKERS.items():
            test = f"@pytest.mark.llm_extract({arguments}, cases=CASES)\ndef test_{suite}(extraction): pass\n"
            (folder / f"test_{suite}.py").write_text(SUITE + test)
        (folder / "prompt.md").write_text("Read.")
        (folder / "pytest.ini").write_text("[pytest]\n")
        yield folder


def environment(base_url: str) -> dict[str, str]:
    """What a process finds: the provider, and no other plugin that is installed here."""
    unwanted = ("OPENAI_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    settings = {"OPENAI_BASE_URL": f"{base_url}/v1", "OPENAI_API_KEY": "loopback-only"}
    return {**clean, **settings, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def start(folder: Path, base_url: str, suite: str, n_cases: int, in_flight: int) -> subprocess.Popen[bytes]:
    """A pytest process that records; or the plain script."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "llm_extract", "-p", "no:cacheprovider", "--llm-record"]
    command += [f"--llm-extract-concurrency={in_flight}", f"test_{suite}.py"]
    if suite == "plain":
        command = [sys.executable, "-c", PLAIN, str(n_cases), str(in_flight)]
    variables = {**environment(base_url), "N": str(n_cases)}
    return subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Used(NamedTuple):
    """What a process used in all: its largest resident size, and its processor time."""

    memory_mb: float
    processor_s: float


def used_by(process: subprocess.Popen[bytes]) -> Used:
    """Wait for the end of a process."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Used(usage.ru_maxrss / unit, usage.ru_utime + usage.ru_stime)


def recorded(folder: Path) -> set[str]:
    """The cases that have a whole cassette.

    Raises:
        CassetteError: one is broken.
    """
    found = (load(path) for path in folder.glob("cassettes/**/*.yaml"))
    return {recording.case for recording in found if recording is not None and recording.case is not None}


def pace(rounds: int) -> None:
    """1,200 calls of 200 ms with 40 in flight."""
    n_cases, in_flight, delay_s = 1200, 40, 0.2
    ideal_s = n_cases / in_flight * delay_s
    took: dict[str, list[float]] = {"plain": [], "prompt": [], "extractor": [], "async": []}
    ratios: dict[str, list[float]] = {suite: [] for suite in took}
    memory: dict[str, float] = {}
    for _ in range(rounds):
        for suite, seconds in took.items():
            with provider(delay_s) as server, project() as folder:
                begun = time.time()
                memory[suite] = used_by(start(folder, server.base_url, suite, n_cases, in_flight)).memory_mb
                seconds.append(server.counters()["last_s"] - begun)
                ratios[suite].append(seconds[-1] / took["plain"][-1])
                assert len(recorded(folder)) == (n_cases if suite != "plain" else 0)
    print(f"pace: {n_cases:,} calls of {delay_s * 1000:.0f} ms, {in_flight} in flight, ideal {ideal_s:.1f} s")
    for suite, seconds in took.items():
        median = statistics.median(seconds)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(
            f"  {suite:10} {median:5.2f} s ({spread})  {statistics.median(ratios[suite]):.2f} x the script beside it,"
            f" {ideal_s / median:4.0%} of the ideal rate; peak {memory[suite]:.0f} MB"
        )


def limits() -> None:
    """A provider that takes no more than so many calls in a second."""
    print("limits:")
    for n_cases, in_flight, limit, errors in ((600, 8, 60, 0.0), (1200, 16, 120, 0.05)):
        for suite in ("prompt", "extractor"):
            with provider(0.05, limit, errors) as server, project() as folder:
                start(folder, server.base_url, suite, n_cases, in_flight).wait()
                seen, kept = server.counters(), len(recorded(folder))
            took_s = seen["last_s"] - seen["first_s"]
            errors_too = f" with {errors:.0%} errors" if errors else ""
            ideal_s = n_cases / limit / (1 - errors)
            print(
                f"  {suite:10} {limit} a second{errors_too}: {kept:,} of {n_cases:,} recorded in {took_s:.1f} s ",
                end="",
            )
            print(f"(ideal {ideal_s:.1f}), {seen['refused']} refused, {seen['failed']} failed")


def memory() -> None:
    """What 10,000 cases need beside 500."""
    peaks = {}
    for n_cases in (500, 10_000):
        with provider(0.05) as server, project() as folder:
            peaks[n_cases] = used_by(start(folder, server.base_url, "extractor", n_cases, 40)).memory_mb
            assert len(recorded(folder)) == n_cases
    grown = (peaks[10_000] - peaks[500]) / 9500 * 1024
    print(f"memory: 500 cases {peaks[500]:.0f} MB, 10,000 cases {peaks[10_000]:.0f} MB: {grown:.1f} KB a case")


def kills(n_kills: int) -> None:
    """Kill -9 at random moments until so many have hit a run that was recording."""
    in_flight, n_cases = 8, 400
    moments = random.Random(2026)
    n_hit, most_lost = 0, 0
    while n_hit < n_kills:
        with provider(0.05) as server, project() as folder:
            while n_hit < n_kills and len(before := recorded(folder)) < n_cases:
                answered = server.counters()["answered"]
                process = start(folder, server.base_url, "extractor", n_cases, in_flight)
                while server.counters()["answered"] == answered and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(moments.uniform(0.0, 0.5))
                process.kill()
                process.wait()
                n_hit += 1
                paid = server.counters()["answered"] - answered
                most_lost = max(most_lost, paid - len(recorded(folder) - before))
    print(f"kills: {n_hit}, {in_flight} in flight: at most {most_lost} answers lost at once, no file broken")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="pace | limits | memory | kills")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    parts = {"pace": lambda: pace(options.rounds), "limits": limits, "memory": memory}
    parts["kills"] = lambda: kills(options.kills)
    if unknown := [part for part in options.parts if part not in parts]:
        parser.error(f"no part {unknown[0]!r}: {', '.join(parts)}")
    for part in options.parts or parts:
        parts[part]()


if __name__ == "__main__":
    main()
