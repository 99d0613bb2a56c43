"""How long many variants take to replay and compare: `python benchmarks/variants.py --variants 20 --cases 500`.

One case of each variant is recorded from a stand-in on loopback; the other cassettes are made from it. Then `pytest`
collects, replays, gates and compares all of them, with results.json: in one process, and with `-n2`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from pytest_llm_extract.cassette.file import fingerprint
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.file.save import cassette_text
from pytest_llm_extract.config.suite_folders import file_name

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from standin import StandIn

N_FIELDS, WRONG = 8, 0.2
TEST = "test_variants.py"
MODULE = """
import pytest
from pydantic import BaseModel

class Note(BaseModel):
FIELDS

@pytest.mark.llm_extract(schema=Note, cases="gold.jsonl", prompts=PROMPTS, model="gpt-4")
def test_notes(extraction): ...
"""
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("alo", "eri", "omu", "ina") for c in ("ck", "sen", "tov")]


def values(number: int) -> dict[str, str]:
    """The gold of a case: values that occur nowhere else."""
    return {f"f{field}": f"V{number:05}-{field}" for field in range(N_FIELDS)}


def document(number: int) -> str:
    """One kilobyte of words, with the values among them."""
    words = Random(number).choices(WORDS, k=140)
    for at, value in enumerate(values(number).values()):
        words.insert(17 * at, value)
    return " ".join(words)


def answer(body: dict[str, Any]) -> str:
    """Everything that is to be read, in the only case that is recorded."""
    return json.dumps(values(0))


def write_gold(folder: Path, n_cases: int) -> None:
    """Golden data of so many cases."""
    rows = ({"id": f"c{n}", "input": document(n), "expected": values(n)} for n in range(n_cases))
    (folder / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def prepare(folder: Path, n_variants: int, n_cases: int) -> None:
    """A suite of so many prompts with all of its cassettes; each variant reads a fifth of the values wrong."""
    names = [f"p{number}.md" for number in range(n_variants)]
    for number, name in enumerate(names):
        (folder / name).write_text(
            f"Extract the note, in the manner of {' '.join(Random(number).choices(WORDS, k=30))}"
        )
    fields = "\n".join(f"    f{number}: str | None = None" for number in range(N_FIELDS))
    (folder / TEST).write_text(MODULE.replace("FIELDS", fields).replace("PROMPTS", repr(names)))
    (folder / "pytest.ini").write_text("[pytest]\n")
    write_gold(folder, 1)
    with StandIn(answer) as provider:
        environment = os.environ | {"OPENAI_API_KEY": "loopback-only", "OPENAI_BASE_URL": provider.base_url}
        command = [sys.executable, "-m", "pytest", "-q", "--llm-record"]
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    write_gold(folder, n_cases)
    random = Random(1)
    for first in sorted(folder.rglob("*.yaml")):
        pattern = load(first)
        assert pattern is not None
        for number in range(n_cases):
            write_cassette(first.parent, pattern, number, random)


def write_cassette(folder: Path, pattern: Recording, number: int, random: Random) -> None:
    """The cassette of one case of one variant."""
    (exchange,) = pattern.exchanges
    request = exchange.request_body.replace(json.dumps(document(0)).encode(), json.dumps(document(number)).encode())
    response = exchange.response_body
    for field in range(N_FIELDS):
        letter = "X" if random.random() < WRONG else "V"
        response = response.replace(b"V00000-%d" % field, b"%s%05d-%d" % (letter.encode(), number, field))
    changed = replace(exchange, request_body=request, response_body=response, known_fingerprint="")
    meta = {**pattern.meta, "hashes": fingerprint.origin(request, document(number))}
    for name in ("fingerprints", "answers"):
        meta.pop(name, None)
    path = folder / file_name(f"c{number}", 1)
    path.write_text(cassette_text(path, Recording((changed,), f"c{number}"), meta))


def measure(folder: Path, *arguments: str) -> str:
    """What a run takes."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST, *arguments]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    took_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise SystemExit(run.stdout[-3000:] + run.stderr)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{took_s:.1f} s, {used_s:.1f} s of processor, {run.stdout.strip().splitlines()[-1]}"


def main() -> None:
    """Print the time of both runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=20)
    parser.add_argument("--cases", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, options.variants, options.cases)
        print(f"{options.variants} variants × {options.cases} cases, load average {os.getloadavg()[0]:.1f}", flush=True)
        for workers in ("-n0", "-n2"):
            print(f"{workers}: {measure(folder, workers, '--llm-extract-json=results.json')}", flush=True)
        compared = json.loads((folder / "results.json").read_text())["comparison"][0]
        print(f"compared {len(compared['variants'])} variants on {compared['n_cases']} cases")


if __name__ == "__main__":
    main()
