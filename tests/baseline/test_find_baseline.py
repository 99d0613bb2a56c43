"""Which baseline a suite is compared with."""

from __future__ import annotations

import shutil

import pytest
from people import FOLDER, Project, rename_suite

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--llm-extract-baseline=nowhere.jsonl"],
            "ERROR: *nowhere.jsonl: there is no such baseline*",
        ),
        (["--llm-extract-accept", "test_items.py"], "*takes =anchor or nothing, not 'test_items.py'*"),
        (["-o", "llm_extract_alpha=2"], "ERROR: ini llm_extract_alpha: must be a number between 0 and 1*"),
        (
            ["-o", "llm_extract_inconclusive=maybe"],
            "ERROR: ini llm_extract_inconclusive: must be warn or fail, got 'maybe'",
        ),
    ],
)
def test_wrong_settings_are_usage_errors(recorded: pytest.Pytester, arguments: list[str], words: str) -> None:
    """Exit status 4 and one line; --help works all the same."""
    run = recorded.runpytest_subprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([words])
    if "-o" in arguments:
        assert recorded.runpytest_subprocess("--help", *arguments).ret == 0


@WORKERS
def test_a_baseline_that_moved_with_its_suite_is_in_use(people: Project, workers: str) -> None:
    """It names the old suite until the next acceptance, and is nothing that anybody should delete."""
    rename_suite(people)
    moved = "cassettes/test_items/test_people/baseline.jsonl"
    for arguments in ((), (f"--llm-extract-baseline={moved}",)):
        run = people.run(f"-n{workers}", *arguments)
        run.assert_outcomes(passed=13)
        run.stdout.fnmatch_lines([f"against the baseline (*{moved}), 12 cases paired: *"])


@WORKERS
def test_a_baseline_of_a_suite_that_did_not_run_fails(people: Project, workers: str) -> None:
    """A gate that passes without the comparison that was asked for would be a silent green."""
    header, *rows = people.baseline.read_text().splitlines()
    other = people.pytester.path / "old" / "other.jsonl"
    other.parent.mkdir()
    other.write_text("\n".join([header.replace("::test_items", "::test_other"), *rows]))
    run = people.run(f"-n{workers}", "--llm-extract-baseline=old/other.jsonl")
    run.assert_outcomes(passed=13, failed=1)
    run.stdout.fnmatch_lines(
        [
            "old/other.jsonl is the baseline of test_items.py::test_other, of which no case ran, and nothing was "
            "compared with it: run that suite, name the baseline of one that runs (test_items.py::test_items), or "
            "leave --llm-extract-baseline out",
            "FAILED test_items.py::test_other::gate - *",
        ]
    )
    people.run(f"-n{workers}", "-k", "p03", "--llm-extract-baseline=old/other.jsonl").assert_outcomes(passed=1)
    other.write_text(people.baseline.read_text())
    run = people.run(f"-n{workers}", "--llm-extract-baseline=old/other.jsonl")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(["against the baseline (*old/other.jsonl), 12 cases paired: *"])


def test_a_baseline_is_for_its_own_suite_among_others(people: Project) -> None:
    """The others are compared with their own; a run without any suite has nothing to compare."""
    module = people.pytester.path / "test_items.py"
    second = module.read_text().rpartition("@pytest.mark.llm_extract")
    module.write_text(module.read_text() + "\n" + "".join(second[1:]).replace("test_items", "test_second"))
    folder = people.pytester.path / "cassettes/test_items"
    shutil.copytree(folder / "test_items" / "read", folder / "test_second" / "read")
    arguments = f"--llm-extract-baseline={FOLDER}/baseline.jsonl"
    people.run(arguments).assert_outcomes(passed=26)
    run = people.run("test_items.py::test_second", arguments)
    run.assert_outcomes(passed=13, failed=1)
    run.stdout.fnmatch_lines([f"{FOLDER}/baseline.jsonl is the baseline of *"])
    people.pytester.makepyfile(test_unit="def test_unit(): pass")
    people.run("test_unit.py", arguments).assert_outcomes(passed=1)
    people.pytester.makeini(f"[pytest]\nllm_extract_baseline = {FOLDER}/baseline.jsonl")
    people.run("test_items.py::test_second").assert_outcomes(passed=13)
