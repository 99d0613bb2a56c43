"""`llm-extract export`: training data that holds nothing a suite is judged by, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from recorded import record_in

MODULE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Variant

class Note(BaseModel):
    name: str
    place: str | None = None

@pytest.mark.llm_extract(
    schema=Note, cases="notes.jsonl", prompt="plain.md", model="m", VARIANTS
)
def test_notes(extraction): ...
"""
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("alo", "eri", "omu", "ina") for c in ("ck", "sen", "tov")]


def row(number: int, **own: Any) -> dict[str, Any]:
    """A letter of its own."""
    name = WORDS[number % len(WORDS)].title()
    body = " ".join(Random(number).choices(WORDS, k=50))
    expected = {"name": name, "place": None}
    return {"id": f"r{number}", "input": f"{body}\nSigned {name}", "expected": expected, **own}


def write(folder: Path, rows: list[dict[str, Any]], variants: str = "") -> None:
    """A suite of four letters, and rows to train on."""
    (folder / "notes.jsonl").write_text("\n".join(json.dumps(row(n)) for n in range(4)))
    (folder / "training.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "plain.md").write_text("Who writes?")
    (folder / "shots.jsonl").write_text(json.dumps(row(900)))
    (folder / "test_notes.py").write_text(MODULE.replace("VARIANTS", variants))


def exported(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a written file."""
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def documents(folder: Path) -> tuple[list[str], list[str]]:
    """The documents of both files."""
    train, validation = (
        [line["messages"][1]["content"] for line in exported(folder, name)]
        for name in ("train.jsonl", "validation.jsonl")
    )
    return train, validation


def test_messages(bare: pytest.Pytester) -> None:
    """System, user and assistant, without few-shot examples; the answer is the gold."""
    write(bare.path, [row(n) for n in range(10, 30)], 'variants=[Variant("shots", examples="shots.jsonl")]')
    found = bare.run("llm-extract", "export", "training.jsonl", "--variant", "shots", "--training-price", "3")
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        ["train.jsonl: 16 rows, about * tokens, $* for 3 epochs", "validation.jsonl: 4 rows, about * tokens"]
    )
    lines = exported(bare.path, "train.jsonl") + exported(bare.path, "validation.jsonl")
    assert {tuple(turn["role"] for turn in line["messages"]) for line in lines} == {("system", "user", "assistant")}
    assert all(list(line) == ["messages"] for line in lines)
    by_document = {row(n)["input"]: row(n)["expected"] for n in range(10, 30)}
    assert {line["messages"][1]["content"]: json.loads(line["messages"][2]["content"]) for line in lines} == by_document


@pytest.mark.slow
def test_prompt_completion(bare: pytest.Pytester) -> None:
    """The other format has its two keys and no others."""
    write(bare.path, [row(n) for n in range(10, 20)])
    assert bare.run("llm-extract", "export", "training.jsonl", "--format", "prompt-completion", "-o", "out").ret == 0
    lines = exported(bare.path / "out", "train.jsonl")
    assert len(lines) == 8
    assert all(list(line) == ["prompt", "completion"] for line in lines)
    assert lines[0]["prompt"].startswith("Who writes?\n\n")
    assert set(json.loads(lines[0]["completion"])) == {"name", "place"}


def test_nothing_leaks(bare: pytest.Pytester) -> None:
    """Cases of suites, held-out rows, their groups and what is nearly one of them are left out, and said."""
    near_case, near_held = row(1)["input"].replace("a", "4", 3), row(50)["input"].replace("o", "0", 3)
    rows = [row(n) for n in range(10, 30)]
    rows += [row(0), {**row(60), "input": near_case}]  # compared by the suite
    rows += [row(50, metadata={"split": "holdout"}), {**row(61), "input": near_held}]
    rows += [row(51, metadata={"split": "holdout"}, group="scan 7"), row(62, group="scan 7")]
    write(bare.path, rows)
    found = bare.run("llm-extract", "export", "training.jsonl")
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        [
            "left out: 2 held out",
            "left out: 1 of a group that is compared or held out",
            "left out: 3 compared by a suite or held out, or nearly",
        ]
    )
    train, validation = documents(bare.path)
    assert {*train, *validation} == {row(n)["input"] for n in range(10, 30)}


@pytest.mark.slow
def test_groups_and_near_duplicates_are_not_divided(bare: pytest.Pytester) -> None:
    """Whatever the seed, pages of one scan and two scans of one page are in the same file."""
    rows = [row(n, group=f"g{n // 4}") for n in range(10, 30)]
    rows += [{**row(100 + n), "input": row(n)["input"].replace("e", "c", 2)} for n in range(10, 30)]
    write(bare.path, rows)
    seen = set()
    for seed in ("0", "1", "2"):
        assert bare.run("llm-extract", "export", "training.jsonl", "--seed", seed, "--validation", "0.4").ret == 0
        train, validation = documents(bare.path)
        seen.add(tuple(validation))
        groups = [{n // 4 for n in range(10, 30) if row(n)["input"] in part} for part in (train, validation)]
        copies = [
            {n // 4 for n in range(10, 30) if row(n)["input"].replace("e", "c", 2) in part}
            for part in (train, validation)
        ]
        assert not groups[0] & groups[1]
        assert groups == copies
    assert len(seen) > 1


@pytest.mark.slow
def test_rows_that_teach_wrongly_are_left_out(bare: pytest.Pytester) -> None:
    """An unlabelled field would teach to leave it out; several right answers are not one."""
    rows = [row(n) for n in range(10, 20)]
    rows[2]["expected"] = {"name": "Ada"}
    rows[3]["expected"] = {"name": {"$any_of": ["Ada", "A."]}, "place": None}
    write(bare.path, rows)
    found = bare.run("llm-extract", "export", "training.jsonl", "--validation", "0")
    found.stdout.fnmatch_lines(
        ["left out: 1 row: has unlabelled fields: place", "left out: 1 row: has gold that is not one answer: *"]
    )
    assert len(exported(bare.path, "train.jsonl")) == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["notes.jsonl"], 1, "no row is left to train on"),
        (["training.jsonl", "--suite", "test_note.py::test_notes"], 2, "Did you mean 'test_notes.py::test_notes'?"),
        (["training.jsonl", "--variant", "shot"], 2, "no variant 'shot'"),
    ],
)
def test_mistakes(bare: pytest.Pytester, arguments: list[str], status: int, message: str) -> None:
    """One line that says what is wrong; nothing is written."""
    write(bare.path, [row(n) for n in range(10, 20)])
    found = bare.run("llm-extract", "export", *arguments)
    assert found.ret == status
    assert message in found.stderr.str()
    assert not (bare.path / "train.jsonl").exists()


def test_the_tuned_model_is_one_more_variant(bare: pytest.Pytester) -> None:
    """The way back: it is recorded and compared like any other, and the gate is the same."""
    write(bare.path, [row(n) for n in range(10, 20)], 'variants=[Variant("tuned", model="ft:m:1", gated=True)]')
    names = {row(n)["input"]: row(n)["expected"]["name"] for n in range(4)}

    def answer(body: dict[str, Any]) -> str:
        known = names[body["messages"][-1]["content"]]
        return json.dumps({"name": known if body["model"] == "ft:m:1" else "?", "place": None})

    said = record_in(bare.path, answer)
    assert "tuned" in said
    run = bare.runpytest_subprocess("-v")
    run.stdout.fnmatch_lines(["*test_notes.py::test_notes::gate[[]tuned[]] PASSED*"])
