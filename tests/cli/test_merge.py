"""`llm-extract merge`: the shards of a run become one result, and a second step of CI checks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from commands import LLM_EXTRACT
from people import Project


@pytest.mark.parametrize(
    "spoil",
    [
        lambda suite: suite["cases"][0].update(fields=5),
        lambda suite: suite["rules"].update(floors=[1]),
        lambda suite: suite["rules"].update(documents={"valid": "1/0"}),
    ],
)
def test_damaged_results_are_one_clear_error(people: Project, spoil: Callable[[dict[str, object]], None]) -> None:
    """Exit status 2 and one line that names the file."""
    people.run("--llm-extract-json=out.json")
    out = people.pytester.path / "out.json"
    results = json.loads(out.read_text())
    spoil(results["suites"][0])
    out.write_text(json.dumps(results))
    for command in (["merge", "out.json"], ["diff", "out.json", "out.json"]):
        run = people.pytester.run(LLM_EXTRACT, *command)
        assert run.ret == 2
        assert len(run.errlines) == 1
        run.stderr.fnmatch_lines(["llm-extract: out.json: is damaged (*)"])


def test_shards_merge_to_what_one_run_says(people: Project) -> None:
    """Two halves add up to the verdict, p values and counts of the whole; one half alone fails."""
    people.record("lose 6")
    whole = people.run("--llm-extract-json=whole.json")
    assert whole.ret == pytest.ExitCode.TESTS_FAILED
    for number, glob in enumerate(["p0[0-4]", "p0[5-9]", "p1*"]):
        people.run(f"--llm-extract-case={glob}", f"--llm-extract-json=shard-{number}.json")
    shards = [f"shard-{number}.json" for number in (2, 0, 1)]
    merged = people.pytester.run(LLM_EXTRACT, "merge", *shards, "-o", "merged.json")
    assert merged.ret == 1
    merged.stdout.fnmatch_lines(["gate: fail", "  town: lost 6 cases*"])
    one, other = (json.loads((people.pytester.path / name).read_text()) for name in ("whole.json", "merged.json"))
    assert one["suites"] == other["suites"]
    (people.pytester.path / "no-text.json").write_bytes(b"\xff")
    wrong = people.pytester.run(LLM_EXTRACT, "merge", "no-text.json")
    assert wrong.ret == 2
    wrong.stderr.fnmatch_lines(["llm-extract: no-text.json: cannot be read: *"])
    half = people.pytester.run(LLM_EXTRACT, "merge", *shards[:2])
    assert half.ret == 1
    half.stdout.fnmatch_lines(["partial run: 7 of 12 cases; gate skipped"])


def test_merge_names_a_suite_whose_shards_are_all_missing(people: Project) -> None:
    """Its baseline is here; whether it was to be merged, the command cannot know."""
    people.run("--llm-extract-json=out.json")
    assert "in no shard" not in people.pytester.run(LLM_EXTRACT, "merge", "out.json").stdout.str()
    other = people.pytester.path / "cassettes/test_other/test_other"
    other.mkdir(parents=True)
    other.joinpath("baseline.jsonl").write_text(people.baseline.read_text().replace("test_items", "test_other"))
    run = people.pytester.run(LLM_EXTRACT, "merge", "out.json")
    assert run.ret == 0
    run.stdout.fnmatch_lines(
        ["note: test_other.py::test_other is in no shard, and has a baseline: cassettes/*/baseline.jsonl"]
    )


def test_shards_of_different_runs_do_not_merge(people: Project) -> None:
    """Different golden data, or a case scored in two ways, is an error that names file and case."""
    people.run("--llm-extract-json=a.json")
    people.record("lose 6")
    people.run("--llm-extract-json=b.json")
    run = people.pytester.run(LLM_EXTRACT, "merge", "a.json", "b.json")
    assert run.ret == 2
    run.stderr.fnmatch_lines(["llm-extract: b.json: *case 'p00' has another result than in an earlier shard"])
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    people.run("--llm-extract-json=c.json")
    run = people.pytester.run(LLM_EXTRACT, "merge", "a.json", "c.json")
    run.stderr.fnmatch_lines(["llm-extract: c.json: is a shard of another run: * differs in dataset_ids*"])


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
