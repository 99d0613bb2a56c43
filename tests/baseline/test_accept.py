"""Answers that are accepted: what is written, what is refused, what the next run compares with."""

from __future__ import annotations

import json

import pytest
from people import FOLDER, Project
from recorded import reachable

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@pytest.mark.slow
def test_no_baseline_yet_says_how_to_accept_one(recorded: pytest.Pytester) -> None:
    """Floors gate alone, and the report names the flag."""
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["note: no baseline yet: pytest --llm-extract-accept *"])


def test_baseline_is_one_line_for_each_case(people: Project) -> None:
    """A header, then the cases sorted by id, with answer, outcomes and origin."""
    header, *rows = map(json.loads, people.baseline.read_text().splitlines())
    assert header["suite"] == "test_items.py::test_items"
    assert [row["id"] for row in rows] == people.ids
    assert rows[0]["answer"] == {"name": "p00", "town": "Bergen"}
    assert rows[0]["outcomes"] == {"name": {"correct": 1}, "town": {"correct": 1}}
    assert {row["origin"]["prompt"] for row in rows} == {header["prompt"]}


def test_accepted_regression_is_the_next_baseline_but_not_the_next_anchor(people: Project) -> None:
    """Accepting is allowed and remembered; the anchor still sees what was lost."""
    run = people.record("lose 6", "--llm-extract-accept")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        ["accepted: 12 cases in *baseline.jsonl", "  in spite of: town: lost 6 cases*", "  the anchor stays, *"]
    )
    header = json.loads(people.baseline.read_text().splitlines()[0])
    assert header["history"][-1]["verdict"] == "fail"
    again = people.run()
    again.assert_outcomes(passed=12, failed=1)
    again.stdout.fnmatch_lines(["  town: lost 6 cases and gained 0 against the anchor (p_adj *"])
    people.run("--llm-extract-accept=anchor").stdout.fnmatch_lines(["accepted: 12 cases in *anchor.jsonl"])
    people.run().assert_outcomes(passed=13)


def test_partial_acceptance_under_another_prompt_is_refused(people: Project) -> None:
    """A baseline is never a mixture of prompts."""
    people.write_gold(dict.fromkeys([*people.ids, "p99"], "Bergen"))
    run = people.record("lose 1", "-k", "p99", "--llm-extract-accept")
    run.stdout.fnmatch_lines(["not accepted: *would mix prompts in one baseline; run the whole suite"])


def test_run_with_errors_is_not_accepted(people: Project) -> None:
    """Nothing is written from cases without an answer."""
    before = people.baseline.read_bytes()
    next((people.pytester.path / FOLDER / "read").glob("p05*")).unlink()
    run = people.run("--llm-extract-accept")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["not accepted: *1 of 12 cases has no answer (p05)"])
    assert people.baseline.read_bytes() == before


@WORKERS
def test_a_refused_acceptance_fails_the_gate(people: Project, workers: str) -> None:
    """Nothing was accepted, so nothing is forgiven either."""
    people.record("lose 11")
    module = people.pytester.path / "test_items.py"
    body = "    if extraction.case.id == 'p11':\n        pytest.skip('later')"
    module.write_text(module.read_text().replace("    pass", body))
    before = people.baseline.read_bytes()
    run = people.run("--llm-extract-accept", f"-n{workers}")
    run.assert_outcomes(passed=11, skipped=1, failed=1)
    run.stdout.fnmatch_lines(["not accepted: *1 of 12 cases has no answer (p11)", "town: lost 12 cases *"])
    assert people.baseline.read_bytes() == before


def test_an_accepted_anchor_leaves_the_baseline_in_force(people: Project) -> None:
    """Only what was replaced is no longer compared with."""
    run = people.record("lose 11", "--llm-extract-accept=anchor")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  town: lost 11 cases *against the baseline*"])


def test_a_part_of_the_cases_accepts_no_field(people: Project) -> None:
    """A field that is gone from the schema is accepted by a whole run alone."""
    module = people.pytester.path / "test_items.py"
    gold = people.pytester.path / "gold.jsonl"
    gold.write_text(gold.read_text().replace(', "town": "Bergen"', ""))
    module.write_text(module.read_text().replace("    town: str | None = None\n", ""))
    people.run("-k", "p00", "--llm-extract-accept")
    run = people.run()
    run.stdout.fnmatch_lines(["  fields of the baseline gone from the schema (town): *"])
    run.assert_outcomes(passed=12, failed=1)


@pytest.mark.parametrize(
    "field",
    [
        "Field(None, serialization_alias='city')",
        "Field(None, exclude=True)",
        "Field(None, alias='city', validation_alias='town')",
    ],
)
def test_an_accepted_answer_is_read_as_it_was(people: Project, field: str) -> None:
    """However a model writes itself, its baseline holds what was scored."""
    module = people.pytester.path / "test_items.py"
    declared = "    town: str | None = None\n"
    text = module.read_text().replace(declared, declared.replace("= None", f"= {field}"))
    text = text.replace("import BaseModel", "import BaseModel, Field")
    module.write_text(text)
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    module.write_text(text.replace('"read"', '"lose 12"'))
    with reachable(people.base_url):
        run = people.run("--llm-record")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  town: lost 12 cases and gained 0 against the baseline *"])


def test_an_answer_that_cannot_be_written_is_not_accepted(people: Project) -> None:
    """A type whose text says something else than its value."""
    module = people.pytester.path / "test_items.py"
    text = module.read_text().replace("    town: str | None", "    town: Annotated[str | None, PlainSerializer(len)]")
    imports = "import BaseModel, PlainSerializer\nfrom typing import Annotated"
    module.write_text(text.replace("import BaseModel", imports))
    people.run().assert_outcomes(passed=13)
    before = people.baseline.read_bytes()
    run = people.run("--llm-extract-accept")
    run.assert_outcomes(failed=13)
    run.stdout.fnmatch_lines(
        ["not accepted: town is another value once *", "not accepted: *12 of 12 cases have no answer *"]
    )
    assert people.baseline.read_bytes() == before
