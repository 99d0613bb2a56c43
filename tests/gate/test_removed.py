"""Cases, fields and labels that the baseline has and the run does not."""

from __future__ import annotations

import json

import pytest
from people import Project

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@WORKERS
def test_gone_case_fails_until_the_baseline_drops_it(people: Project, workers: str) -> None:
    """Deleting a hard case from golden data does not pass unseen."""
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=11, failed=1)
    run.stdout.fnmatch_lines(["  1 case of the baseline gone from golden data (p00): put back, or accept *"])
    people.run("--llm-extract-accept")
    people.run(f"-n{workers}").assert_outcomes(passed=12)


def test_removed_field_fails_until_accepted(people: Project) -> None:
    """A field that the schema lost is a loss."""
    module = people.pytester.path / "test_items.py"
    module.write_text(module.read_text().replace("    town: str | None = None\n", ""))
    rows = [json.loads(line) for line in (people.pytester.path / "gold.jsonl").read_text().splitlines()]
    for row in rows:
        del row["expected"]["town"]
    (people.pytester.path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = people.run()
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  fields of the baseline gone from the schema (town): *"])
    run = people.run("--llm-extract-accept")
    run.stdout.fnmatch_lines(["  in spite of: fields of the baseline gone from the schema (town): *"])
    assert "the anchor stays" not in run.stdout.str()  # which never asks for a field
    people.run().assert_outcomes(passed=13)


def test_labels_that_vanish_fail_the_gate(people: Project) -> None:
    """A field that no case labels any more hides whatever happens to it."""
    gold = people.pytester.path / "gold.jsonl"
    gold.write_text(gold.read_text().replace(', "town": "Bergen"', ""))
    run = people.record("lose 12")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  fields of the baseline that no case labels now (town): put back, or accept *"])
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    people.run().assert_outcomes(passed=13)


@WORKERS
def test_labels_that_vanish_in_some_cases_are_told(people: Project, workers: str) -> None:
    """Taking the label out of just the cases that were lost passes, but not without a word."""
    gold = people.pytester.path / "gold.jsonl"
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    for row in rows[:6]:
        del row["expected"]["town"]
    gold.write_text("\n".join(map(json.dumps, rows)))
    people.record("lose 6")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        [
            "gate: pass",
            "note: gold changed in 6 cases",
            "note: town is no longer labelled in 6 cases of the baseline (p00, p01, p02, p03, p04, …)",
        ]
    )
    people.run("--llm-extract-accept")
    people.run(f"-n{workers}").stdout.no_fnmatch_line("*no longer labelled*")
