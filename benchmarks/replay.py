"""What replaying costs, beside a floor and a peer, in one run: `python benchmarks/replay.py --cases 1000 --rounds 5`.

Every command is a whole `pytest` process; rounds are interleaved; the table has medians and their ratios.

- floor: the same parametrised tests calling the same function through the openai client with an in-memory transport
- pytest-recording: the same calls from vcrpy cassettes, matched on the body (needs `pip install pytest-recording`)
- start-up: one empty test in a project without a suite, with the plugin and with `-p no:llm_extract`
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
    "test_prompt.py": """
import pytest
from extractor import Invoice
@pytest.mark.llm_extract(schema=Invoice, prompt="prompt.md", model="gpt-4", response_format="json_object",
                         cases="gold.jsonl")
@pytest.mark.llm_accuracy(1.0)
def test_prompt(extraction):
    assert extraction.output.vendor
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
}


def answer(body: dict[str, Any]) -> str:
    """The vendor is the document's first word."""
    vendor = body["messages"][-1]["content"][:6]
    return json.dumps({"vendor": vendor, "amount": 1.5, "date": "2026-01-01", "line_items": ["a", "b"]})


def run(folder: Path, *arguments: str, **environment: str) -> float:
    """Wall seconds of one pytest process; anything but success stops the benchmark."""
    # Byte code is cached, as it is for users: compiling the package anew would be most of what is measured.
    unwanted = ("OPENAI_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-summary", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=clean | environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return time.perf_counter() - start


def prepare(folder: Path, n_cases: int, peer: bool) -> None:
    """Write the project and record its cassettes from a stand-in."""
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
        run(folder, "--llm-record", "test_extractor.py", "test_prompt.py", **settings)
        if peer:
            run(folder, "--record-mode=once", "test_recording.py", **settings)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    peer = find_spec("pytest_recording") is not None
    commands = {
        "start-up, without": ["-p", "no:llm_extract", "test_empty.py"],
        "start-up, with": ["test_empty.py"],
        "floor": ["-p", "no:llm_extract", "test_floor.py"],
        "extractor=": ["test_extractor.py"],
        "prompt=": ["test_prompt.py"],
    }
    if peer:
        commands["pytest-recording"] = ["-p", "no:llm_extract", "test_recording.py"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, options.cases, peer)
        times: dict[str, list[float]] = {label: [] for label in commands}
        for _ in range(options.rounds):
            for label, arguments in commands.items():
                times[label].append(run(folder, *arguments))
    medians = {label: statistics.median(seconds) for label, seconds in times.items()}
    for label, seconds in times.items():
        ratios = [
            f"{medians[label] / medians[other]:.2f} × {other}"
            for other in ("floor", "pytest-recording")
            if other in medians
        ]
        shown = "" if label.startswith("start-up") else ", ".join(ratios)
        print(f"{label:20} {medians[label]:6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})  {shown}")
    print(f"start-up tax: {(medians['start-up, with'] - medians['start-up, without']) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
