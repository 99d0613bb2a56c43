"""What replaying costs, beside a floor and peers, in one run: `python benchmarks/replay.py --rounds 5`.

Every command is a whole `pytest` process; rounds are interleaved; the table has medians of processor time
and their ratios.

- prompt=, own client: with a fixture `llm_client`, whose client every request goes through, as in `extractor=`
- floor: the same parametrised tests calling the same function through the openai client with an in-memory transport
- pytest-recording: the same calls from vcrpy cassettes, matched on the body (needs `pip install pytest-recording`)
- pytest-mockllm: the same calls from its cassettes (needs `pip install pytest-mockllm`)
- start-up: one empty test, and one case of a suite (what a project without a suite pays: benchmarks/start_up.py)
- large: ten times the cases; cost per case beyond start-up beside that of the smaller suite, and memory per case
- load: a cassette read by this package, and by PyYAML's safe loader with libyaml
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from standin import StandIn

EXTRACTOR = """
import json
from openai import OpenAI
from pydantic import BaseModel

class Invoice(BaseModel):
    vendor: str | None = None
    amount: float | None = None
    date: str | None = None
    line_items: list[str] = []

client = OpenAI()

def extract(text: str) -> Invoice:
    response = client.chat.completions.create(
        model="gpt-4",
        messages=[
            {"role": "system", "content": "Extract invoice data. Return valid JSON matching the schema."},
            {"role": "user", "content": text},
        ],
        response_format={"type": "json_object"},
    )
    return Invoice.model_validate_json(response.choices[0].message.content)

def rows():
    return [json.loads(line) for line in open("gold.jsonl")]
"""
ROWS = '@pytest.mark.parametrize("row", extractor.rows(), ids=lambda row: row["id"])\n'
PROMPT = """
import pytest
from extractor import Invoice
@pytest.mark.llm_extract(schema=Invoice, prompt="prompt.md", model="gpt-4", response_format="json_object",
                         cases="gold.jsonl")
@pytest.mark.llm_accuracy(1.0)
def test_prompt(extraction):
    assert extraction.output.vendor
"""
FILES = {
    "extractor.py": EXTRACTOR,
    "prompt.md": "Extract invoice data. Return valid JSON matching the schema.",
    "test_empty.py": "def test_nothing(): pass\n",
    "test_extractor.py": """
import pytest
from extractor import extract
@pytest.mark.llm_extract(extractor=extract, cases="gold.jsonl")
@pytest.mark.llm_accuracy(1.0)
def test_extractor(extraction):
    assert extraction.output.vendor
""",
    "test_prompt.py": PROMPT,
    "test_own_client.py": PROMPT
    + """
@pytest.fixture(scope="session")
def llm_client():
    import openai
    return openai.OpenAI()
""",
    "test_floor.py": """
import json, os
os.environ.setdefault("OPENAI_API_KEY", "none-needed")
import pytest, openai, extractor
try:
    import httpx2 as httpx
except ImportError:
    import httpx
def answer(request):
    text = json.loads(request.content)["messages"][-1]["content"]
    content = json.dumps({"vendor": text[:6], "amount": 1.5, "date": "2026-01-01", "line_items": ["a", "b"]})
    message = {"role": "assistant", "content": content}
    return httpx.Response(200, json={
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
extractor.client = openai.OpenAI(http_client=httpx.Client(transport=httpx.MockTransport(answer)))
"""
    + ROWS
    + """def test_floor(row):
    assert extractor.extract(row["input"]).vendor
""",
    "test_recording.py": """
import os
os.environ.setdefault("OPENAI_API_KEY", "none-needed")
import pytest, extractor
@pytest.fixture(scope="module")
def vcr_config():
    return {"match_on": ["method", "path", "body"], "filter_headers": ["authorization"]}
@pytest.mark.vcr
"""
    + ROWS
    + """def test_recording(row):
    assert extractor.extract(row["input"]).vendor
""",
    "test_mockllm.py": """
import os
os.environ.setdefault("OPENAI_API_KEY", "none-needed")
import pytest, extractor
"""
    + ROWS
    + """def test_mockllm(row, llm_recorder):
    assert extractor.extract(row["input"]).vendor
""",
}


def answer(body: dict[str, Any]) -> str:
    """The vendor is the document's first word."""
    vendor = body["messages"][-1]["content"][:6]
    return json.dumps({"vendor": vendor, "amount": 1.5, "date": "2026-01-01", "line_items": ["a", "b"]})


@dataclass(frozen=True)
class Cost:
    """Processor seconds of a process, and its largest resident size."""

    seconds: float
    peak_mb: float


def run(folder: Path, *arguments: str, **environment: str) -> Cost:
    """One pytest process; anything but success stops the benchmark."""
    # Byte code is cached, as it is for users: compiling the package anew would be most of what is measured.
    unwanted = ("OPENAI_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, env=clean | environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode())
    peak_mb = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Cost(usage.ru_utime + usage.ru_stime, peak_mb)


def prepare(folder: Path, n_cases: int, peers: Sequence[str]) -> str:
    """Write the project and record its cassettes from a stand-in; its base URL, which pytest-mockllm compares."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    expected = {"amount": 1.5, "date": "2026-01-01", "line_items": ["a", "b"]}
    with (folder / "gold.jsonl").open("w") as gold:
        for i in range(n_cases):
            text = f"V{i:05} " + "Some text of an invoice, in one long line. " * 15
            gold.write(
                json.dumps({"id": f"c{i}", "input": text, "expected": {"vendor": f"V{i:05}", **expected}}) + "\n"
            )
    with StandIn(answer) as provider:
        settings = {"OPENAI_BASE_URL": provider.base_url, "OPENAI_API_KEY": "loopback-only"}
        run(folder, *ALONE, "--llm-extract-record=stale", *OURS.values(), **settings)
        for peer in peers:
            run(folder, *PEERS[peer][1], *PEERS[peer][2], **settings)
        return provider.base_url


OURS = {
    "extractor=": "test_extractor.py",
    "prompt=": "test_prompt.py",
    "prompt=, own client": "test_own_client.py",
}
# The plugins of the peers are left out where they are not measured.
ALONE = ("-p", "no:recording", "-p", "no:mockllm", "-p", "no:asyncio")
PEERS = {
    "pytest-recording": (
        "pytest_recording",
        ("-p", "no:llm_extract", "-p", "no:mockllm", "-p", "no:asyncio", "test_recording.py"),
        ("--record-mode=once",),
    ),
    "pytest-mockllm": (
        "pytest_mockllm",
        ("-p", "no:llm_extract", "-p", "no:recording", "-p", "no:asyncio", "test_mockllm.py"),
        ("--llm-record=once",),
    ),
}


def compare(folder: Path, base_url: str, rounds: int, peers: Sequence[str]) -> dict[str, Cost]:
    """Medians of interleaved rounds, by what ran."""
    without = (*ALONE, "-p", "no:llm_extract")
    commands: dict[str, Sequence[str]] = {
        "start-up, without": (*without, "test_empty.py"),
        "start-up, a suite": (*ALONE, "test_extractor.py", "--llm-extract-case=c0"),
        "floor": (*without, "test_floor.py"),
        **{label: (*ALONE, module) for label, module in OURS.items()},
        **{peer: PEERS[peer][1] for peer in peers},
    }
    costs: dict[str, list[Cost]] = {label: [] for label in commands}
    for _ in range(rounds):
        for label, arguments in commands.items():
            costs[label].append(run(folder, *arguments, OPENAI_BASE_URL=base_url))
    return {
        label: Cost(statistics.median(c.seconds for c in found), statistics.median(c.peak_mb for c in found))
        for label, found in costs.items()
    }


def load_ms(folder: Path) -> tuple[float, float]:
    """Processor milliseconds to read one cassette: as this package does, and as plain YAML."""
    import yaml

    from pytest_llm_extract.cassette.file.load import load

    def plain(path: Path) -> Any:
        return yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)

    paths = list(folder.glob("cassettes/test_extractor/**/*.yaml"))
    best = [float("inf")] * 2
    for _ in range(5):
        for number, read in enumerate((load, plain)):
            start = time.process_time()
            for path in paths:
                read(path)
            best[number] = min(best[number], (time.process_time() - start) / len(paths) * 1000)
    return best[0], best[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-large", action="store_true", help="without the suite of ten times the cases")
    options = parser.parse_args()
    peers = [name for name, (module, *_) in PEERS.items() if find_spec(module)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = compare(folder, prepare(folder, options.cases, peers), options.rounds, peers)
        ours_ms, plain_ms = load_ms(folder)
    print(f"{options.cases:,} cases, medians of {options.rounds} rounds, processor time")
    for label, cost in costs.items():
        ratios = [f"{cost.seconds / costs[other].seconds:.2f} × {other}" for other in ("floor", *peers)]
        print(f"  {label:20} {cost.seconds:6.2f} s  {'' if label.startswith('start-up') else ', '.join(ratios)}")
    print(f"  load: {ours_ms:.2f} ms a cassette, {ours_ms / plain_ms:.2f} × plain YAML")
    if not options.no_large:
        report_large(options.cases, options.rounds)


def report_large(n_cases: int, rounds: int) -> None:
    """Cost and memory per case of a suite ten times as large."""
    found: dict[int, dict[str, Cost]] = {}
    for n in (n_cases, 10 * n_cases):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found[n] = compare(folder, prepare(folder, n, ()), min(rounds, 3), ())
    small, large = found.values()
    print(f"{10 * n_cases:,} cases beside {n_cases:,}, beyond start-up")
    for label in ("floor", *OURS):
        start_up = "start-up, without" if label == "floor" else "start-up, a suite"
        ms = [(costs[label].seconds - costs[start_up].seconds) / n * 1000 for n, costs in found.items()]
        kb = (large[label].peak_mb - small[label].peak_mb) * 1024 / (9 * n_cases)
        print(f"  {label:20} {ms[1]:.2f} ms a case, {ms[1] / ms[0]:.2f} × the smaller suite; {kb:.1f} KB a case")


if __name__ == "__main__":
    main()
