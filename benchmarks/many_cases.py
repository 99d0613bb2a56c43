"""Whether a suite costs as much a case when it has many: `python benchmarks/many_cases.py 1000 10000 100000`.

Suites of one prompt, one request a case. One case is recorded from a stand-in on loopback; the other cassettes are made
from it. Every size is a whole pytest process that collects, replays, gates and reports, with results.json; `--baseline`
accepts a baseline first, so that the gate compares. The table has processor time of each phase for a case, beyond that
of a suite of one case, and the largest resident size.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import replay

from pytest_llm_extract.cassette.file import fingerprint
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.file.save import cassette_text
from pytest_llm_extract.config.suite_folders import file_name

PHASES = ("collect", "replay", "gate and report")
CLOCK = """
import json, os, resource, time, pytest

seconds = {}

def pytest_collection_finish(session):
    seconds["collect"] = time.process_time()

@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish():
    seconds["replay"] = time.process_time()

@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    seconds["gate and report"] = time.process_time()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with open(os.environ["CLOCK_FILE"], "w") as file:
        json.dump({"seconds": seconds, "peak_mb": peak_mb}, file)
"""
TEST = "test_prompt.py"


def prepare(folder: Path, n_cases: int) -> None:
    """A suite of so many cases with its cassettes."""
    replay.OURS = {"prompt=": TEST}
    replay.prepare(folder, 1, ())
    (first,) = folder.rglob("*.yaml")
    pattern = load(first)
    assert pattern is not None
    row = json.loads((folder / "gold.jsonl").read_text())
    with (folder / "gold.jsonl").open("w") as gold:
        for k in range(n_cases):
            text = json.dumps({**row, "id": f"c{k}"}).replace("V00000", f"V{k:05}")
            gold.write(text + "\n")
            write_cassette(first.parent, pattern, f"c{k}", f"V{k:05}", json.loads(text)["input"])
    (folder / "clock_of_phases.py").write_text(CLOCK)


def write_cassette(folder: Path, pattern: Recording, case_id: str, vendor: str, document: str) -> None:
    """The cassette of another vendor."""
    (exchange,) = pattern.exchanges
    bodies = [body.replace(b"V00000", vendor.encode()) for body in (exchange.request_body, exchange.response_body)]
    changed = replace(exchange, request_body=bodies[0], response_body=bodies[1], known_fingerprint="")
    meta = {**pattern.meta, "hashes": fingerprint.origin(bodies[0], document)}
    for name in ("fingerprints", "answers"):
        meta.pop(name, None)
    path = folder / file_name(case_id, 1)
    path.write_text(cassette_text(path, Recording((changed,), case_id), meta))


def measure(folder: Path, *arguments: str) -> tuple[dict[str, float], float]:
    """Processor seconds of each phase, and the peak of memory in MB."""
    out = folder / "clock.json"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PYTEST_"))}
    environment = clean | {"CLOCK_FILE": str(out), "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "clock_of_phases", *replay.ALONE]
    run = subprocess.run([*command, TEST, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stdout[-3000:] + run.stderr)
    found = json.loads(out.read_text())
    ends = [0.0, *(found["seconds"][phase] for phase in PHASES)]
    return {phase: end - start for phase, start, end in zip(PHASES, ends, ends[1:], strict=False)}, found["peak_mb"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--baseline", action="store_true", help="accept one first")
    options = parser.parse_args()
    print(f"load average before: {os.getloadavg()[0]:.1f}, cores: {os.cpu_count()}")
    heads = "".join(f"{phase + ', ms':>20}" for phase in PHASES)
    print(f"{'cases':>8}{heads}{'all, ms':>10}{'× first':>9}{'peak MB':>9}")
    alone, _ = suite_of(1, options.baseline)
    first = None
    for n_cases in options.sizes:
        seconds, peak_mb = suite_of(n_cases, options.baseline)
        each = [(seconds[phase] - alone[phase]) / (n_cases - 1) * 1000 for phase in PHASES]
        first = first or sum(each)
        row = "".join(f"{ms:>20.3f}" for ms in each)
        print(f"{n_cases:>8,}{row}{sum(each):>10.3f}{sum(each) / first:>9.2f}{peak_mb:>9.0f}", flush=True)


def suite_of(n_cases: int, with_baseline: bool) -> tuple[dict[str, float], float]:
    """Cost of a run of a new suite."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, n_cases)
        if with_baseline:
            measure(folder, "--llm-extract-accept")
        return measure(folder, "--llm-extract-json=results.json")


if __name__ == "__main__":
    main()
