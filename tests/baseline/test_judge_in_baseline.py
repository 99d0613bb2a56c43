"""A baseline keeps what it was judged by, and a run says what changed since."""

from __future__ import annotations

import json

import pytest
from people import Project

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
