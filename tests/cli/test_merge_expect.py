"""`llm-extract merge --expect`: the second step of CI does not take the word of the first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from commands import LLM_EXTRACT
from people import Project


def expect(people: Project) -> pytest.RunResult:
    """The second step."""
    return people.pytester.run(LLM_EXTRACT, "merge", "--expect", "results.json")


@pytest.fixture
def ran(people: Project) -> Project:
    """A committed project with the results of a whole run."""
    people.commit("base")
    assert people.run("--llm-extract-json=results.json").ret == 0
    return people


def rewrite(people: Project, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the results as a patched run could."""
    path = people.pytester.path / "results.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_results_of_a_whole_run_pass(ran: Project) -> None:
    """Exit status 0; there is nothing to add."""
    run = expect(ran)
    assert run.ret == 0
    assert "not expected" not in run.stdout.str()


def test_a_file_that_was_never_written_fails(ran: Project) -> None:
    """The run was killed before its end."""
    (ran.pytester.path / "results.json").unlink()
    assert expect(ran).ret == 2
    (ran.pytester.path / "results.json").write_text("")
    assert expect(ran).ret == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data["suites"].clear(), "* has a baseline (*) and no results"),
        (lambda data: data["suites"][0]["cases"].pop(), "* has no verdict: 11 of 12 cases have results"),
        (lambda data: data["run"].update(commit="0" * 40), "results.json is of commit 0000000000, not of *"),
        (lambda data: data["suites"][0].update(verdict="fail"), "*: results.json says fail, its cases give pass"),
        (lambda data: data["suites"][0].update(baseline=None), "* was not compared, although *baseline.jsonl is there"),
    ],
)
def test_results_that_no_whole_run_writes_fail(ran: Project, change: Callable[[Any], object], words: str) -> None:
    """With a line that says what is not expected; without --expect some of them pass."""

    def patched(data: dict[str, Any]) -> None:
        change(data)
        for suite in data["suites"]:
            suite["n_cases"] = len(suite["cases"])

    rewrite(ran, patched)
    run = expect(ran)
    assert run.ret == 1
    run.stdout.fnmatch_lines([f"not expected: {words}"])
