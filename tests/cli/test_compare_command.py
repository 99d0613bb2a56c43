"""`llm-extract compare`: which of several variants, runs or files may be the best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_llm_extract.cli.main import main
from pytest_llm_extract.report.results_json import FORMAT, VERSION


def write_run(path: Path, right: int, *, variants: dict[str, int] | None = None) -> None:
    """A results.json of `llm-extract score`: of 20 cases, the first `right` are right."""
    folder = path.parent
    (folder / "schema.json").write_text(
        json.dumps(
            {"title": "Item", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        )
    )
    gold = [{"id": f"c{i}", "input": "x", "expected": {"name": f"n{i}"}} for i in range(20)]
    output = [{"id": f"c{i}", "output": {"name": f"n{i}" if i < right else "?"}} for i in range(20)]
    for name, rows in (("gold.jsonl", gold), ("output.jsonl", output)):
        (folder / name).write_text("\n".join(map(json.dumps, rows)))
    files = [str(folder / name) for name in ("gold.jsonl", "output.jsonl")]
    ran = run("score", *files, "--schema", str(folder / "schema.json"), "--json", str(path))
    assert ran.exit_code == 0, ran.output


def run(*arguments: str) -> Result:
    """Run a subcommand."""
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """Three scored files: 18, 17 and 4 of 20 right."""
    for name, right in (("main", 18), ("branch", 17), ("small", 4)):
        write_run(tmp_path / f"{name}.json", right)
    return str(tmp_path / "main.json"), str(tmp_path / "branch.json"), str(tmp_path / "small.json")


def test_scored_files(files: tuple[str, str, str]) -> None:
    """Entries are called by their files; the first one is the reference."""
    found = run("compare", *files)
    assert found.exit_code == 0
    assert "main and branch are in the set of best (95%); the others are not" in found.output
    assert "small is worse than main on name: +0 cases, −14" in found.output


def test_json_and_reference(files: tuple[str, str, str]) -> None:
    """The same as values, held against another entry."""
    found = run("compare", *files, "--json", "--reference", "small")
    wire: dict[str, Any] = json.loads(found.output)
    assert (wire["reference"], wire["best"], wire["n_cases"]) == ("small", ["main", "branch"], 20)
    assert {(claim["variant"], claim["direction"]) for claim in wire["claims"]} == {
        ("main", "better"),
        ("branch", "better"),
    }


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--reference", "mian"], 2, "no entry 'mian'. Did you mean 'main'?"),
        (["--suite", "x"], 2, "has no suite 'x'"),
        (["--margin", "-1"], 2, "--margin"),
    ],
)
def test_mistakes(files: tuple[str, str, str], arguments: list[str], status: int, message: str) -> None:
    """One line, and the nearest name."""
    found = run("compare", *files, *arguments)
    assert found.exit_code == status
    assert message in found.output


def test_one_entry_is_nothing_to_compare(files: tuple[str, str, str]) -> None:
    """It says so, and does not exit as if something had been compared."""
    found = run("compare", files[0])
    assert found.exit_code == 1
    assert "nothing to compare" in found.output


@pytest.mark.parametrize("command", ["compare", "decide"])
def test_results_without_a_suite_are_one_line(tmp_path: Path, command: str) -> None:
    """As a run whose markers were all removed writes them."""
    file = tmp_path / "none.json"
    file.write_text(json.dumps({"format": FORMAT, "version": VERSION, "suites": []}))
    found = run(command, str(file))
    assert (found.exit_code, found.output) == (2, f"llm-extract: {file}: has no suite\n")
