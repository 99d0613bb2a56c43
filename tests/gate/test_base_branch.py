"""A branch against the baseline of its base branch, git:main."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import jsonschema
import pytest
from commands import LLM_EXTRACT
from people import FOLDER, Project, rename_suite

from pytest_llm_extract.report.results_json import json_schema

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@WORKERS
def test_base_branch_cannot_be_lowered_in_the_same_change(people: Project, workers: str) -> None:
    """Accepting a loss in a branch does not hide it from git:main, whatever main did since."""
    people.commit("base")
    people.git("checkout", "-qb", "change")
    people.record("lose 6", "--llm-extract-accept=anchor")
    people.run("--llm-extract-accept")
    people.run(f"-n{workers}").assert_outcomes(passed=13)
    run = people.run(f"-n{workers}", "--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  town: lost 6 cases*", "against the baseline (git:main (*)), 12 cases paired:"])


@WORKERS
def test_renaming_a_suite_hides_nothing_from_the_base_branch(people: Project, workers: str) -> None:
    """It is compared with the baseline of the suite that is not here any more and has its cases."""
    people.commit("base")
    people.record("lose 6", "--llm-extract-accept=anchor")
    people.run("--llm-extract-accept")
    rename_suite(people)
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    run = people.run(f"-n{workers}", "--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(
        ["  town: lost 6 cases*", f"against the baseline (git:main (*):{FOLDER}/baseline.jsonl), 12 cases paired:"]
    )
    assert "not here" not in run.stdout.str()


def test_a_new_suite_is_not_taken_for_one_that_moved(people: Project) -> None:
    """Two suites over the same golden data, one moved and one new: the old baseline is that of the moved one alone."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    rename_suite(people)
    module, folder = people.pytester.path / "test_items.py", people.baseline.parent.with_name("test_people")
    suite = module.read_text().rpartition("@pytest.mark.llm_extract")
    module.write_text(module.read_text() + "\n" + "".join(suite[1:]).replace("test_people", "test_second"))
    shutil.copytree(folder / "read", folder.with_name("test_second") / "read")
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=26)
    said = [line.partition("test_items/test_")[2] for line in run.outlines if line.startswith("against the baseline")]
    assert said == ["items/baseline.jsonl), 12 cases paired: no case lost, none gained"]
    assert run.stdout.str().count("nothing can fail this gate") == 1


@WORKERS
def test_a_suite_that_the_base_branch_has_not_passes_and_says_so(people: Project, workers: str) -> None:
    """Other cases make another suite: the one that is gone is told of, and nothing is compared with it."""
    old, text = "cassettes/test_old/test_old", people.baseline.read_text()
    people.pytester.path.joinpath(old).mkdir(parents=True)
    gone = people.pytester.path / old / "baseline.jsonl"
    gone.write_text(text.replace('"id": "p', '"id": "q').replace("test_items", "test_old"))
    people.git("init", "-q", "-b", "main")
    people.git("add", old)
    people.git("commit", "-qm", "base")
    gone.unlink()
    run = people.run(f"-n{workers}", "--llm-extract-baseline=git:main", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        [
            f"note: git:main (*) has no baseline at {FOLDER}/baseline.jsonl",
            f"note: git:main (*) has a baseline of a suite that is not here: {old}/baseline.jsonl",
        ]
    )
    assert "no baseline yet" not in run.stdout.str()
    jsonschema.validate(json.loads((people.pytester.path / "out.json").read_text()), json_schema())
    assert "not here" not in people.run("test_items.py", "--llm-extract-baseline=git:main").stdout.str()


def test_a_suite_that_was_dropped_with_its_baseline_is_told_against_the_base_branch(people: Project) -> None:
    """Also where no suite is left."""
    people.commit("base")
    shutil.rmtree(people.pytester.path / "cassettes")
    people.pytester.makepyfile(test_items="def test_other(): pass")
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(
        [f"note: git:main (*) has a baseline of a suite that is not here: {FOLDER}/baseline.jsonl"]
    )


def test_case_removed_on_purpose_is_listed_against_the_base_branch(people: Project) -> None:
    """Once the committed baseline dropped it, it is told with its old outcomes, and fails no more."""
    people.commit("base")
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    people.run("--llm-extract-baseline=git:main").assert_outcomes(passed=11, failed=1)
    people.run("--llm-extract-accept")
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12)
    run.stdout.fnmatch_lines(["note: removed since git:main (*): p00 (name correct, town correct)"])


def without_town(people: Project, *, in_schema: bool) -> None:
    """Take the field out of the golden data, and out of the schema where it is not to stay `in_schema`."""
    gold, module = (people.pytester.path / name for name in ("gold.jsonl", "test_items.py"))
    gold.write_text(gold.read_text().replace(', "town": "Bergen"', ""))
    if not in_schema:
        module.write_text(module.read_text().replace("    town: str | None = None\n", ""))


@WORKERS
@pytest.mark.parametrize(
    ("in_schema", "reason", "note"),
    [
        (False, "  fields of the baseline gone from the schema (town): *", "removed from the schema"),
        (True, "  fields of the baseline that no case labels now (town): *", "no longer labelled in any case"),
    ],
    ids=["field", "labels"],
)
def test_field_removed_on_purpose_is_told_against_the_base_branch(
    people: Project, workers: str, in_schema: bool, reason: str, note: str
) -> None:
    """It fails until the committed baseline dropped it too, and then fails no more; a part of a run drops no field."""
    people.commit("base")
    without_town(people, in_schema=in_schema)
    arguments, before = (f"-n{workers}", "--llm-extract-baseline=git:main"), people.baseline.read_bytes()
    for accept in ([], ["-k", "p03"]):
        if accept:
            people.run(*accept, "--llm-extract-accept")
        run = people.run(*arguments)
        run.assert_outcomes(passed=12, failed=1)
        run.stdout.fnmatch_lines([reason])
    people.baseline.write_bytes(before)
    people.run("--llm-extract-accept")
    run = people.run(*arguments, "--llm-extract-json=out.json")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines([f"note: {note} since git:main (*), and accepted: town"])
    merged = people.pytester.run(LLM_EXTRACT, "merge", "out.json")
    assert merged.ret == 0
    people.baseline.unlink()
    people.run(*arguments).assert_outcomes(passed=12, failed=1)


def test_accepted_end_of_labels_is_none_of_the_field(people: Project) -> None:
    """Nor does an acceptance of one field cover another one."""
    people.commit("base")
    without_town(people, in_schema=True)
    people.run("--llm-extract-accept")
    without_town(people, in_schema=False)
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  fields of the baseline gone from the schema (town): *"])


def test_unknown_and_shallow_revisions_are_usage_errors(people: Project, tmp_path: Path) -> None:
    """One line that says what to do, before anything is collected."""
    people.run("--llm-extract-baseline=git:main").stderr.fnmatch_lines(
        ["ERROR: git:main: * is not in a git repository"]
    )
    for name in ("one", "two"):
        people.commit(name)
    run = people.run("--llm-extract-baseline=git:origin/main")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: git:origin/main: there is no such revision here; is it fetched?"])
    shallow = people.pytester.path / "shallow"
    people.git("clone", "-q", "--depth=1", f"file://{people.pytester.path}", str(shallow))
    found = people.pytester.run(
        sys.executable, "-m", "pytest", f"--rootdir={shallow}", str(shallow), "--llm-extract-baseline=git:HEAD~1"
    )
    found.stderr.fnmatch_lines(
        ["ERROR: git:HEAD~1: there is no such revision here; this clone is shallow: *unshallow*"]
    )
