"""The baseline in its file: damaged, by an earlier version, and what its answers are judged by."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from people import FOLDER, IDS, Project

from pytest_llm_extract.baseline.file import parse
from pytest_llm_extract.errors import BaselineError


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace('"prompt": "', '"prompt": "0', 1), "*mixes prompts*"),
        (lambda text: text.replace('"version": 1', '"version": 7', 1), "*has format version 7, this plugin reads 1*"),
        (lambda text: text + text.splitlines()[-1] + "\n", "*:14: case 'p11' occurs twice*"),
        (lambda text: "<<<<<<< ours\n" + text, "*:1: merge conflict marker*"),
        (lambda text: "[1]\n", "*:1: is not a JSON object*"),
        (lambda text: "", "*is not a baseline of pytest-llm-extract*"),
        (
            lambda text: text.replace('{"correct": 1}', "null", 1),
            "*:2: is not a valid baseline record (outcomes.name: *",
        ),
        (lambda text: "".join(text.splitlines(True)[:5]), "*holds 4 cases where its header says 12 (a bad merge[?])*"),
    ],
)
def test_broken_baseline_is_one_clear_error(people: Project, spoil: object, words: str) -> None:
    """A collection error that names file and line, and what can be done: not accepting, which reads it too."""
    assert callable(spoil)
    people.baseline.write_text(spoil(people.baseline.read_text()))
    run = people.run("--llm-extract-accept")
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines([f"{words}; after a merge, take one side (git checkout --ours or --theirs FILE), or *"])
    run.stdout.no_fnmatch_line("*Traceback*")


def test_a_broken_baseline_is_mended_as_its_error_says(people: Project) -> None:
    """Deleted, it is accepted anew."""
    people.baseline.write_text("<<<<<<< ours\n" + people.baseline.read_text())
    people.run().stdout.fnmatch_lines(["*, or delete the file and accept again with --llm-extract-accept"])
    people.baseline.unlink()
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    people.run().stdout.fnmatch_lines(["*12 cases paired: no case lost, none gained"])


@pytest.mark.parametrize(
    ("line", "change", "words"),
    [
        (1, {"prompt": ...}, "is not a valid baseline header (prompt: field required)"),
        (1, {"fields": [1]}, "is not a valid baseline header (fields.0: input should be an instance of str)"),
        (1, {"history": [{}]}, "is not a valid baseline header (history.0.n_cases: field required)"),
        (2, {"outcomes": []}, "is not a valid baseline record (outcomes: input should be a valid dictionary)"),
        (2, {"id": ["a"]}, "is not a valid baseline record (id: input should be an instance of str)"),
        (2, {"id": 1}, "is not a valid baseline record (id: input should be an instance of str)"),
        (2, {"answer": ..., "raw": 5}, "is not a valid baseline record (raw: input should be an instance of str)"),
        (3, {"attempt": "x"}, "is not a valid baseline record (attempt: input should be a valid integer)"),
        (3, {"origin": {"when": "x"}}, "is not a valid baseline record (origin.when.[[]key]: input should be *)"),
        (3, {"samples": [{"status": "ok"}]}, "is not a valid baseline record (samples.0.outcomes: field required)"),
    ],
    ids=str,
)
def test_a_damaged_line_is_named(accepted_people: Path, line: int, change: dict[str, object], words: str) -> None:
    """Whatever an edit or a merge made of it."""
    rows = (accepted_people / FOLDER / "baseline.jsonl").read_text().splitlines()
    changed = json.loads(rows[line - 1]) | change
    rows[line - 1] = json.dumps({name: value for name, value in changed.items() if value is not ...})
    with pytest.raises(BaselineError) as error:
        parse("\n".join(rows), "b.jsonl")
    assert fnmatchcase(str(error.value), f"b.jsonl:{line}: {words}")


def test_a_baseline_without_groups_and_row_counts_is_read(accepted_people: Path) -> None:
    """As they were written before these were kept; its last whole acceptance tells how many cases it has."""
    header, *rows = (accepted_people / FOLDER / "baseline.jsonl").read_text().splitlines()
    old = json.loads(header)
    del old["history"][-1]["n_rows"]
    assert list(parse("\n".join([json.dumps(old), *rows]), "").entries) == IDS
    with pytest.raises(BaselineError, match="holds 11 cases where its header says 12"):
        parse("\n".join([json.dumps(old), *rows[1:]]), "")
    old["history"][-1]["complete"] = False
    assert len(parse("\n".join([json.dumps(old), *rows[1:]]), "").entries) == 11


FLOOR = "@pytest.mark.llm_accuracy({})"


def test_a_baseline_keeps_limits_rules_and_gold(people: Project) -> None:
    """In its header and beside each case; nothing is noted where nothing changed."""
    people.record("read", "--llm-extract-accept", marker=FLOOR.format(0.9))
    header, first = map(json.loads, people.baseline.read_text().splitlines()[:2])
    assert header["judge"]["limits"]["floors"] == {"name": {"accuracy": "9/10"}, "town": {"accuracy": "9/10"}}
    assert header["checksum"].startswith("sha256:")
    assert set(first["gold"]) == {"name", "town"}
    assert "the judge" not in people.run().stdout.str()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_floors_gold_and_hand_edits_are_noted(people: Project, workers: str) -> None:
    """Each with its name; the verdict of the judge before stands beside them."""
    people.record("read", "--llm-extract-accept", marker=FLOOR.format(0.9))
    people.write_module("read", FLOOR.format(0.5))
    towns = dict.fromkeys([f"p{i:02}" for i in range(3)], "nowhere")
    people.write_gold(towns)
    lines = people.baseline.read_text().splitlines(keepends=True)
    people.baseline.write_text("".join([lines[0].replace('"version": 1', '"version":  1'), *lines[1:]]))
    untouched = people.run(f"-n{workers}")
    untouched.stdout.fnmatch_lines(["*the judge changed: floor of name, town: 90% → 50%"])
    untouched.stdout.fnmatch_lines(["*the judge changed: gold differs in 3 cases (p00, p01, p02)"])
    untouched.stdout.fnmatch_lines(["*verdict without these changes: *"])
    assert "edited by hand" not in untouched.stdout.str()  # space within JSON is not content
    people.baseline.write_text("".join([lines[0], *(line.replace('"correct": 1', '"wrong": 1') for line in lines[1:])]))
    people.run(f"-n{workers}").stdout.fnmatch_lines(["*the judge changed: baseline * was edited by hand: *"])


def test_a_baseline_without_them_still_loads(people: Project) -> None:
    """One of an earlier version compares as before, and says what it lacks."""
    rows = [json.loads(line) for line in people.baseline.read_text().splitlines()]
    for name in ("judge", "checksum", "gold"):
        for row in rows:
            row.pop(name, None)
    people.baseline.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = people.run()
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(["*the judge: * does not keep what it was judged by: accept once with this version"])
