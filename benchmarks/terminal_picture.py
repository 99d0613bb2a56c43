"""Draw docs/images/gate.svg: the terminal after a prompt change, from a real run of the example suite.

`python benchmarks/terminal_picture.py` copies the examples, takes two sentences out of the prompt file, records the
new answers from the stand-in on loopback, and draws what pytest printed.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from standin import StandIn  # noqa: E402
from standin_invoices import answer_invoice  # noqa: E402

COLUMNS = 100
TAKEN_OUT = ("A date such as 03/04/2026 is day first.", " Use null for what is not there.")


def main() -> None:
    """Record, and draw."""
    with tempfile.TemporaryDirectory() as folder, StandIn(answer_invoice) as provider:
        printed = changed_run(Path(folder), provider.base_url)
    lines = printed.rstrip().splitlines()
    draw("\n".join(lines[next(i for i, line in enumerate(lines) if " llm-extract: " in line) :]))


def changed_run(folder: Path, base_url: str) -> str:
    """What `pytest --llm-record` prints after the change of the prompt, colours included."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "cassettes", folder / "cassettes")
    prompt = folder / "examples/prompts/invoice.prompt.yml"
    text = prompt.read_text(encoding="utf-8")
    for sentence in TAKEN_OUT:
        assert sentence in text
        text = text.replace(sentence, "")
    prompt.write_text(text, encoding="utf-8")
    (folder / "pytest.ini").touch()
    environment = os.environ | {
        "OPENAI_API_KEY": "loopback-only",
        "OPENAI_BASE_URL": base_url,
        "COLUMNS": str(COLUMNS),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--color=yes",
        "--llm-record",
        "examples/test_invoices.py::test_invoices",
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def draw(printed: str) -> None:
    """Write the picture; it names no font that a reader would have to fetch."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed), overflow="fold")
    svg = console.export_svg(title="pytest --llm-record", theme=MONOKAI, unique_id="gate")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r" *<!--.*?-->\n", "", svg)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    (ROOT / "docs/images/gate.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
