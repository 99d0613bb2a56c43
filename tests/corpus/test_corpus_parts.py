"""`llm-extract score --part K/N` and `llm-extract merge`: a corpus that several machines score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_llm_extract.cli.main import main
from pytest_llm_extract.corpus import score_files

MODULE = """
from pydantic import BaseModel

class Invoice(BaseModel):
    vendor: str | None = None
    total: float | None = None
    tags: list[str] = []

class Other(BaseModel):
    vendor: str | None = None
"""
N = 3


def llm_extract(*arguments: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(main, [*arguments])


def score(*arguments: str, schema: str = "of_parts:Invoice") -> Result:
    """`llm-extract score` of the files of the project."""
    return llm_extract("score", "gold.jsonl", "p.jsonl", "--schema", schema, *arguments)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The totals of each part of a corpus in which some records do not match."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    score_files.schema_of.cache_clear()
    Path("of_parts.py").write_text(MODULE)
    write("gold.jsonl", [{"id": k, "vendor": f"V{k % 5}", "total": 0.1, "tags": ["a"] * (k % 3)} for k in range(40)])
    write("p.jsonl", [{"id": k, "vendor": f"V{k % 4}", "total": 0.1, "tags": ["a"]} for k in range(1, 42)] + ["{"])
    for k in range(1, N + 1):
        run = score("--part", f"{k}/{N}", "--json", f"part-{k}.json")
        assert run.exit_code == 0, run.output
        assert f"part {k}/{N} of gold.jsonl (p.jsonl)" in run.output
    return [f"part-{k}.json" for k in range(1, N + 1)]


def write(name: str, rows: list[Any]) -> None:
    """One row a line; a string as it is."""
    Path(name).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def suites(name: str) -> Any:
    """The suites of a results.json."""
    return json.loads(Path(name).read_text())["suites"]


def test_parts_add_up_to_the_whole(parts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number, problem and case of results.json, and exit status; a part that two files hold counts once."""
    floors = ("--floor", "0.1", "--floor", "total=0.9")
    whole = score(*floors, "--json", "whole.json")
    Path("again.json").write_text(Path(parts[0]).read_text())
    merged = llm_extract("merge", *reversed(parts), "again.json", *floors, "-o", "merged.json")
    assert merged.exit_code == whole.exit_code == 3
    assert suites("merged.json") == suites("whole.json")
    shown = merged.output.replace("--output=PATH", "--json=PATH")
    assert shown.splitlines()[:-1] == whole.output.splitlines()[:-1]
    assert "1 broken prediction: p.jsonl:42" in " ".join(merged.output.split())
    assert "40 records in 3 parts of 4 files" in merged.output
    monkeypatch.setattr(score_files, "_ALONE_BYTES", 0)
    monkeypatch.setattr(score_files, "_PART_BYTES", 500)
    assert score("--part", f"1/{N}", "--json", "split.json", "--processes", "1").exit_code == 0
    assert json.loads(Path("split.json").read_text()) == json.loads(Path(parts[0]).read_text())


def test_floors_judge_the_whole(parts: list[str]) -> None:
    """A floor that is missed fails; without problems of records it is exit status 1."""
    write("p.jsonl", [{"id": k, "vendor": "V1", "total": 0.1, "tags": []} for k in range(40)])
    for k, name in enumerate(parts, start=1):
        score("--part", f"{k}/{N}", "--json", name)
    missed = llm_extract("merge", *parts, "--floor", "vendor=0.5")
    assert missed.exit_code == 1
    assert "vendor: 8/40 = 20% is below 50%" in missed.output
    assert llm_extract("merge", *parts, "--floor", "vendor=0.2").exit_code == 0


def test_parts_that_do_not_make_a_whole(parts: list[str]) -> None:
    """Missing parts, parts of other files, of another schema and of another split are one line each, exit status 2."""
    first = parts[0]

    def refused(*files: str, floors: tuple[str, ...] = ()) -> str:
        run = llm_extract("merge", *files, *floors)
        assert run.exit_code == 2
        assert run.output.count("\n") == 1, run.output
        return run.output

    assert refused(first, parts[2]).endswith("parts that are in no file: 2/3; nothing is judged\n")
    assert "--floor: no field 'vendr'. Did you mean 'vendor'?" in refused(*parts, floors=("--floor", "vendr=1"))
    score("--part", "2/4", "--json", "x.json")
    assert "of two corpora do not add up; they differ in the number of parts, 3 and 4" in refused(first, "x.json")
    score("--part", "2/3", "--json", "x.json", schema="of_parts:Other")
    assert "of two corpora do not add up; they differ in the fields of the schema" in refused(first, "x.json")
    write("p.jsonl", [{"id": k, "vendor": "V1"} for k in range(40)])
    score("--part", "1/3", "--json", "x.json")
    assert "of two corpora do not add up; they differ in the content of p.jsonl" in refused(first, "x.json")
    Path("r.json").write_text("{}")
    assert f"{first}: holds totals, which do not add up with results of pytest, as r.json" in refused("r.json", first)
    assert "--expect: is for results of pytest" in refused(first, "--expect")
    assert "--floor: is for totals of llm-extract score" in refused("r.json", "--floor", "0.5")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--part", "0/3"), "--part: must be K/N with K from 1 to N, as 3/8, got '0/3'"),
        (("--part", "4/3"), "--part: must be K/N with K from 1 to N, as 3/8, got '4/3'"),
        (("--part", "1/3"), "--part: needs --json PATH for its totals"),
        (("--part", "1/3", "--json", "x", "--floor", "1"), "--floor: judges the whole: give it to llm-extract merge"),
    ],
)
def test_wrong_part(parts: list[str], arguments: tuple[str, ...], message: str) -> None:
    """One line that says what to give."""
    run = score(*arguments)
    assert (run.exit_code, run.output.count("\n")) == (2, 1)
    assert message in run.output
