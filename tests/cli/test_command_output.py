"""What commands print and how they exit, where a terminal or the command itself falls short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from pytest_llm_extract.cli.main import _COMMANDS, main

MAIN = "from pytest_llm_extract.cli.main import main; main()"


def scored(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The arguments of a command that scores one wrong record, and its environment."""
    schema = "from pydantic import BaseModel\nclass Item(BaseModel):\n    vendor: str\n"
    folder.joinpath("items.py").write_text(schema)
    rows = {
        "gold.jsonl": {"id": "a", "expected": {"vendor": "ACME"}},
        "pred.jsonl": {"id": "a", "vendor": "雪"},
    }
    for name, row in rows.items():
        folder.joinpath(name).write_text(json.dumps(row) + "\n")
    arguments = ["score", "gold.jsonl", "pred.jsonl", "--schema", "items:Item"]
    return [sys.executable, "-c", MAIN, *arguments], {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize("encoding", ["cp1252", "cp437"])
def test_score_prints_on_a_console_without_our_signs(tmp_path: Path, encoding: str) -> None:
    """The miss and the table are there in ASCII, and the exit status is that of the verdict, not of a crash."""
    command, environment = scored(tmp_path)
    environment |= {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    said = run.stdout.decode(encoding)
    assert run.returncode == 0, run.stderr.decode(encoding)
    assert "ACME" in said
    assert "!= \\u96ea" in said


def test_misspelt_command_has_a_near_one() -> None:
    """As every other name has; a name like none is click's own error."""
    found = CliRunner().invoke(main, ["chekc"])
    assert (found.exit_code, found.output.splitlines()[-1]) == (
        2,
        "Error: No such command 'chekc'. Did you mean 'check'?",
    )
    assert CliRunner().invoke(main, ["zzzzzz"]).output.splitlines()[-1] == "Error: No such command 'zzzzzz'."


def test_a_crash_is_not_a_failed_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of a command itself exits with 4 and its traceback; 1 is left to gates."""

    @click.command()
    def command() -> None:
        raise RuntimeError("not foreseen")

    module = ModuleType("pytest_llm_extract.cli.broken")
    monkeypatch.setattr(module, "command", command, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(_COMMANDS, "broken", "a command that has a fault")
    run = CliRunner().invoke(main, ["broken"])
    assert run.exit_code == 4
    assert "RuntimeError: not foreseen" in run.stderr
    assert "this is a fault of llm-extract itself" in run.stderr


def test_json_is_written_though_nobody_reads_the_output(tmp_path: Path) -> None:
    """A closed pipe (`| head -1`) costs lines of text, never the results."""
    command, environment = scored(tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        subprocess.run(
            [*command, "--json=out.json"],
            cwd=tmp_path,
            env=environment,
            stdout=closed,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    assert json.loads((tmp_path / "out.json").read_text())["suites"][0]["n_cases"] == 1
