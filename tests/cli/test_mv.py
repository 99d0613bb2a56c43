"""`llm-extract mv`: a suite that moved is recognized, and takes along what it recorded and accepted."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from commands import llm_extract
from conftest import MODULE

OLD, NEW = "test_items.py::test_items", "test_parts.py::test_items"


def mv(project: pytest.Pytester, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command, or `check`, in the project."""
    return llm_extract(*(arguments if arguments[0] == "check" else ("mv", *arguments)), cwd=project.path)


@pytest.fixture
def accepted(recorded: pytest.Pytester) -> pytest.Pytester:
    """The project of four cases with its cassettes, a baseline and an anchor."""
    recorded.runpytest_inprocess("--llm-extract-accept").assert_outcomes(passed=5)
    return recorded


def files(project: pytest.Pytester) -> set[str]:
    """Everything below the cassettes, without the names of cassettes."""
    root = project.path / "cassettes"
    return {path.relative_to(root).parent.joinpath(path.name.split("-")[0]).as_posix() for path in root.rglob("*.*")}


@pytest.mark.slow
def test_renamed_module_is_told_and_moved(accepted: pytest.Pytester) -> None:
    """Report, gate, plan and check say it; nothing advises to delete; the moved suite is compared as before."""
    accepted.path.joinpath("test_items.py").rename(accepted.path / "test_parts.py")
    accepted.path.joinpath("cassettes/test_items/test_items/formulations.jsonl").touch()
    uses = accepted.path / "cassettes/holdout.jsonl"
    uses.write_text(f'{{"suite": "{OLD}", "variant": "b"}}\n{{"suite": "test_x.py::test_x", "variant": "b"}}\n')
    run = accepted.runpytest_subprocess()
    advice = f"llm-extract mv {OLD} {NEW}"
    run.stdout.fnmatch_lines([f"*the suite moved: its cassettes are there and fit: {advice}"])
    run.stdout.fnmatch_lines([f"*suite gone, but its baseline is there, and its cases are in {NEW}: {advice}*"])
    assert "delete" not in run.stdout.str()
    accepted.runpytest_subprocess("--llm-extract-plan").stdout.fnmatch_lines([f"*its cassettes fit: {advice}"])
    pruned = mv(accepted, "check", "--prune")
    assert "moved       cassettes/test_items/test_items/read: 4 cassettes" in pruned.stdout
    assert "deleted" not in pruned.stdout

    accepted.path.joinpath("cassettes/shared").mkdir()
    assert "holds recordings that suites share" in mv(accepted, "cassettes/shared", NEW).stderr
    moved = mv(accepted, OLD, NEW)
    what = "4 cassettes, the baseline, the anchor and 1 use of held-out cases"
    assert moved.stdout == f"moved {what} to {NEW} (read)\n"
    assert [json.loads(line)["suite"] for line in uses.read_text().splitlines()] == [NEW, "test_x.py::test_x"]
    assert files(accepted) == {
        "holdout.jsonl",
        "test_parts/test_items/baseline.jsonl",
        "test_parts/test_items/anchor.jsonl",
        "test_parts/test_items/formulations.jsonl",
        *(f"test_parts/test_items/read/c{n}" for n in range(4)),
    }
    assert not (accepted.path / "cassettes/test_items").exists()
    after = accepted.runpytest_subprocess()
    after.assert_outcomes(passed=5)
    assert "edited" not in after.stdout.str()
    again = mv(accepted, OLD, NEW)
    assert again.returncode == 2
    assert "has no cassettes" in again.stderr


def test_renamed_function_moves_by_its_module_or_id(accepted: pytest.Pytester) -> None:
    """A module that has one suite stands for it."""
    accepted.makepyfile(test_items=MODULE.replace("def test_items", "def test_parts"))
    accepted.runpytest_subprocess().stdout.fnmatch_lines(
        [f"*llm-extract mv {OLD} test_items.py::test_parts"],
    )
    assert mv(accepted, OLD, "test_items.py").returncode == 0
    accepted.runpytest_subprocess().assert_outcomes(passed=5)


def test_whole_module_moves(accepted: pytest.Pytester) -> None:
    """Each suite to the one of its name."""
    accepted.mkdir("tests")
    accepted.path.joinpath("test_items.py").rename(accepted.path / "tests/test_parts.py")
    accepted.path.joinpath("gold.jsonl").rename(accepted.path / "tests/gold.jsonl")
    assert mv(accepted, "test_items.py", "tests/test_parts.py").returncode == 0
    accepted.runpytest_subprocess().assert_outcomes(passed=5)


def test_renamed_extractor_is_told_and_moved(accepted: pytest.Pytester) -> None:
    """The folder of the variant has another name, and its baseline another variant."""
    accepted.makepyfile(
        test_items=MODULE.replace("def read(", "def parse(").replace("extractor=read", "extractor=parse")
    )
    run = accepted.runpytest_subprocess()
    run.stdout.fnmatch_lines([f"*llm-extract mv cassettes/test_items/test_items/read {OLD}"])
    assert mv(accepted, "cassettes/test_items/test_items/read", OLD).returncode == 0
    accepted.runpytest_subprocess().assert_outcomes(passed=5)


def test_split_suite_takes_its_own_cases(accepted: pytest.Pytester) -> None:
    """Cassettes and accepted answers go with their cases; the rest stays with the old suite."""
    lines = accepted.path.joinpath("gold.jsonl").read_text().splitlines()
    accepted.path.joinpath("gold.jsonl").write_text("\n".join(lines[:2]))
    accepted.path.joinpath("other.jsonl").write_text("\n".join(lines[2:]))
    second = MODULE.replace("gold.jsonl", "other.jsonl").replace("(0.75)", "(0.5)")
    accepted.makepyfile(test_parts=second)
    uses = accepted.path / "cassettes/holdout.jsonl"
    uses.write_text(f'{{"suite": "{OLD}", "variant": "b"}}\n')
    moved = mv(accepted, OLD, NEW)
    assert moved.stdout.endswith(f"use of held-out cases to {NEW} (read); 2 accepted cases stay\n")
    assert [json.loads(line)["suite"] for line in uses.read_text().splitlines()] == [OLD, NEW]  # both have used them
    accepted.runpytest_subprocess().assert_outcomes(passed=6)
    ids = {
        path.parent.parent.name: [json.loads(line)["id"] for line in path.read_text().splitlines()[1:]]
        for path in accepted.path.rglob("baseline.jsonl")
    }
    assert ids == {"test_items": ["c0", "c1"], "test_parts": ["c2", "c3"]}


def test_nothing_moves_where_something_is_in_the_way(accepted: pytest.Pytester) -> None:
    """Neither cassettes nor baselines are overwritten; what another suite wants stays."""
    accepted.makepyfile(test_parts=MODULE)
    before = files(accepted)
    refused = mv(accepted, OLD, NEW)
    assert refused.returncode == 2
    assert "has nothing that test_parts.py::test_items lacks and no other suite wants" in refused.stderr
    accepted.path.joinpath("test_items.py").unlink()
    there = accepted.path / "cassettes/test_parts/test_items/anchor.jsonl"
    there.parent.mkdir(parents=True)
    shutil.copy(accepted.path / "cassettes/test_items/test_items/anchor.jsonl", there)
    refused = mv(accepted, OLD, NEW)
    assert refused.returncode == 2
    assert "anchor.jsonl: is there already" in refused.stderr
    assert files(accepted) == before | {"test_parts/test_items/anchor.jsonl"}


def test_edited_baseline_is_not_sealed_anew(accepted: pytest.Pytester) -> None:
    """Moving it would hide the edit."""
    (path,) = accepted.path.rglob("baseline.jsonl")
    path.write_text(path.read_text().replace('"nut"', '"Nut"'))
    accepted.path.joinpath("test_items.py").rename(accepted.path / "test_parts.py")
    refused = mv(accepted, OLD, NEW)
    assert refused.returncode == 2
    assert "was edited by hand" in refused.stderr
    assert path.exists()


def test_unknown_names_are_usage_errors(accepted: pytest.Pytester) -> None:
    """With the nearest name that there is."""
    assert "Did you mean 'test_items.py::test_items'?" in mv(accepted, OLD, "test_items.py::test_item").stderr
    assert "there is no folder" in mv(accepted, "test_gone.py", OLD).stderr


def test_cassettes_that_do_not_fit_are_no_move(accepted: pytest.Pytester) -> None:
    """Another prompt under another name is a new suite, also with the ids of an old one."""
    accepted.path.joinpath("test_items.py").unlink()
    accepted.makepyfile(test_parts=MODULE.replace('"Read."', '"Read it."'))
    assert "the suite moved" not in accepted.runpytest_subprocess().stdout.str()
