"""Paths that a pull request writes: nothing outside of the project is read, written or waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from people import Project

from pytest_llm_extract import score


def rows(people: Project, name: str) -> None:
    """Let the first case name a file."""
    given = [json.loads(line) for line in (people.pytester.path / "gold.jsonl").read_text().splitlines()]
    given[0] = {"id": "p00", "input_file": name, "expected": given[0]["expected"]}
    (people.pytester.path / "gold.jsonl").write_text("\n".join(map(json.dumps, given)))


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document of somebody else."""
    path = tmp_path_factory.mktemp("outside") / "private.txt"
    path.write_text("p00 Bergen")
    return path


@pytest.mark.parametrize("how", ["absolute", "relative", "link"])
def test_documents_lie_in_the_project(people: Project, outside: Path, how: str) -> None:
    """Another file of the machine is not sent to a model, unless an ini allows its folder."""
    name = {"absolute": str(outside), "relative": os.path.relpath(outside, people.pytester.path), "link": "a.txt"}[how]
    (people.pytester.path / "a.txt").symlink_to(outside)
    rows(people, name)
    run = people.run()
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["*gold.jsonl:1: case 'p00': input_file '*' is outside of the project; *"])
    people.pytester.makeini(f"[pytest]\nllm_extract_input_folders = {outside.parent}\n")
    assert people.run().ret == 0


def test_cassettes_lie_below_the_rootdir(people: Project) -> None:
    """A setting that leads out of it is refused."""
    people.pytester.makeini("[pytest]\nllm_extract_cassettes = ../elsewhere\n")
    run = people.run()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: ini llm_extract_cassettes: must be a folder below the rootdir*outside of it"])


def test_acceptance_follows_no_link_out_of_the_folder(people: Project, tmp_path: Path) -> None:
    """Also not one that leads nowhere yet."""
    target = tmp_path / "elsewhere.jsonl"
    people.baseline.unlink()
    people.baseline.symlink_to(target)
    run = people.run("--llm-extract-accept")
    assert run.ret != 0
    run.stdout.fnmatch_lines(["*a symbolic link leads it out of *"])
    assert not target.exists()


@pytest.mark.own_process
@pytest.mark.parametrize("name", ["gold.jsonl", "baseline", "document.txt"])
def test_a_pipe_is_not_waited_for(people: Project, name: str) -> None:
    """As a dataset, as a baseline, as a document."""
    path = people.baseline if name == "baseline" else people.pytester.path / name
    if name == "document.txt":
        rows(people, name)
    else:
        path.unlink()
    os.mkfifo(path)
    run = people.pytester.runpytest_subprocess(timeout=60)
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["*cannot be read: it is not a regular file*"])


@pytest.mark.parametrize("depth", [250, 300, 900, 20_000])
def test_an_answer_that_is_nested_deeply_is_invalid(depth: int) -> None:
    """A model can write any number of brackets; that is its answer, and not an error of the test."""
    from typing import Any

    from pydantic import BaseModel

    class Item(BaseModel):
        name: str
        extra: Any = None

    text = '{"name": "bolt", "extra": ' + "[" * depth + "]" * depth + "}"
    found = score({"name": "bolt", "extra": 1}, text, Item)
    assert found.status == "invalid"
    nested: Any = 1
    for _ in range(min(depth, 400)):
        nested = [nested]
    assert score({"name": "bolt", "extra": 1}, {"name": "bolt", "extra": nested}, Item).counts["extra"].wrong == 1
