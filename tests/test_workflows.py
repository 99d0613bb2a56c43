"""The workflows of docs/ci.md and the action of this repository: their form, and their shell, which is run."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from repository import commit, git

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
WORKFLOWS = {found["name"]: text for text in BLOCKS if "jobs" in (found := yaml.safe_load(text))}
(GITLAB,) = [yaml.safe_load(text) for text in BLOCKS if "jobs:" not in text]
SHARED = (ROOT / ".github/workflows/extraction.yml").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent

GH = """#!/usr/bin/env bash
echo "$*" >> gh.log
case "$*" in
  *pulls/*) echo 0123abcd ;;
  *--paginate*) cat comments 2> /dev/null || true ;;
esac
"""


def steps(workflow: str) -> list[dict[str, Any]]:
    """The steps of all jobs of a workflow; none of a job that is another workflow."""
    return [step for job in yaml.safe_load(WORKFLOWS[workflow])["jobs"].values() for step in job.get("steps", [])]


def action_script() -> str:
    """What the action of this repository runs."""
    found = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    script: str = found["runs"]["steps"][0]["run"]
    return script


def bash(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub's runner does."""
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{BIN}:{os.environ['PATH']}", **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_workflows_are_those_that_the_page_names() -> None:
    """A pull request, whole and by the reusable workflow, its comment, shards, and recording."""
    names = ["extraction", "extraction-called", "extraction-comment", "extraction-shards", "record"]
    assert list(WORKFLOWS) == names


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed")
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """Each workflow is what GitHub takes."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in {**WORKFLOWS, "shared": SHARED}.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    run = subprocess.run(["actionlint", "-no-color"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout + run.stderr == ""


@pytest.mark.parametrize("name", WORKFLOWS)
def test_scripts_hold_no_expression(name: str) -> None:
    """What GitHub would paste into a script could be code of a pull request: it goes through variables."""
    scripts = [step["run"] for step in steps(name) if "run" in step]
    assert not [script for script in scripts if "${{" in script]
    for script in scripts:
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    assert "${{" not in action_script()


def test_only_what_needs_it_may_write() -> None:
    """Pull requests read; the comment writes to pull requests, recording to the repository."""
    rights = {name: yaml.safe_load(text)["permissions"] for name, text in WORKFLOWS.items()}
    assert rights["extraction"] == rights["extraction-shards"] == {"contents": "read"}
    assert rights["extraction-comment"] == {}
    job = yaml.safe_load(WORKFLOWS["extraction-comment"])["jobs"]["comment"]
    assert job["permissions"] == {"actions": "read", "pull-requests": "write"}


@pytest.fixture
def checkout(recorded: pytest.Pytester, tmp_path: Path) -> Path:
    """A shallow clone of a pull request's branch, whose base has a baseline."""
    recorded.runpytest_subprocess("--llm-extract-accept")
    commit(recorded.path, "base")
    git(recorded.path, "switch", "-qc", "feature")
    commit(recorded.path, "feature")
    target = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=feature", recorded.path.as_uri(), str(target))
    return target


@pytest.mark.slow
def test_the_action_replays_against_the_base_branch(checkout: Path) -> None:
    """In a shallow clone, with further arguments: results and the page lie in the folder, with the number."""
    variables = {"ARGUMENTS": "-q -p no:cacheprovider", "BASE": "main", "REPORTS": "out put", "NUMBER": "12"}
    run = bash(action_script(), checkout, **variables)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "git:origin/main" in run.stdout
    assert sorted(path.name for path in (checkout / "out put").iterdir()) == ["number", "report.html", "results.json"]
    assert (checkout / "out put" / "number").read_text() == "12\n"


@pytest.mark.slow
def test_the_action_fails_with_the_gate(checkout: Path) -> None:
    """Its exit status is that of pytest; the reports are written all the same."""
    module = checkout / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(1.0)"))
    run = bash(action_script(), checkout, ARGUMENTS="", BASE="", REPORTS="out", NUMBER="")
    assert run.returncode == 1
    assert (checkout / "out" / "report.html").exists()


def shared_steps() -> dict[str, str]:
    """The scripts of the reusable workflow by the names of their steps."""
    [job] = yaml.safe_load(SHARED)["jobs"].values()
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}


@pytest.mark.slow
def test_the_reusable_workflow_replays_and_judges_again(checkout: Path) -> None:
    """It runs the action's own script, and its second step takes results.json by its numbers alone."""
    scripts = shared_steps()
    assert scripts["Replay"] == action_script()
    assert not [script for script in scripts.values() if "${{" in script]
    inputs = yaml.safe_load(SHARED)[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as true
    defaults = {name: one["default"] for name, one in inputs.items()}
    for name in ("Replay", "Judge again"):
        run = bash(scripts[name], checkout, ARGUMENTS="-q", BASE="main", REPORTS=defaults["reports"], NUMBER="12")
        assert run.returncode == 0, run.stdout + run.stderr
    assert (checkout / "extraction" / "report.html").exists()
    (checkout / "bin").mkdir()
    (checkout / "bin" / "pip").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > pip.log\n')
    (checkout / "bin" / "pip").chmod(0o755)
    assert bash(scripts["Install"], checkout, PACKAGES=defaults["packages"]).returncode == 0
    assert (checkout / "pip.log").read_text().split() == ["install", "-e", ".", "pytest-llm-extract"]


def test_a_caller_gives_only_inputs_that_there_are() -> None:
    """The page's example of the reusable workflow names it and its inputs as they are."""
    [job] = yaml.safe_load(WORKFLOWS["extraction-called"])["jobs"].values()
    assert job["uses"].split("@")[0].endswith("/.github/workflows/extraction.yml")
    assert set(job["with"]) <= set(yaml.safe_load(SHARED)[True]["workflow_call"]["inputs"])


@pytest.fixture
def commenting(recorded: pytest.Pytester) -> Path:
    """What the comment's job has downloaded, and a `gh` that notes what it was asked."""
    folder = recorded.path
    (folder / "extraction").mkdir()
    recorded.runpytest_subprocess("--llm-extract-json=extraction/results.json")
    (folder / "extraction" / "number").write_text("12\n")
    (folder / "bin").mkdir()
    stub = folder / "bin" / "gh"
    stub.write_text(GH)
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    return folder


def comment(folder: Path, head: str = "0123abcd") -> subprocess.CompletedProcess[str]:
    """Run the step that comments."""
    script = steps("extraction-comment")[-1]["run"]
    return bash(script, folder, GH_TOKEN="t", REPOSITORY="o/r", HEAD_SHA=head)


def test_a_comment_is_made_once_and_then_updated(commenting: Path) -> None:
    """The first run makes a comment from results.json; a later one replaces it."""
    assert comment(commenting).returncode == 0
    assert (commenting / "comment.md").read_text().startswith("<!-- llm-extract: test_items.py::test_items -->")
    assert "repos/o/r/issues/12/comments -F body=@comment.md" in (commenting / "gh.log").read_text()
    (commenting / "comments").write_text("77\n")
    assert comment(commenting).returncode == 0
    assert "PATCH repos/o/r/issues/comments/77" in (commenting / "gh.log").read_text()


@pytest.mark.parametrize(("number", "head"), [("12; touch x", "0123abcd"), ("", "0123abcd"), ("12", "ffff")])
def test_a_forged_number_comments_nowhere(commenting: Path, number: str, head: str) -> None:
    """A number that is not one, or that of a pull request at another commit."""
    (commenting / "extraction" / "number").write_text(number)
    assert comment(commenting, head).returncode == 1
    log = commenting / "gh.log"
    assert not log.exists() or "comments" not in log.read_text()


def test_gitlab_collects_what_is_written() -> None:
    """The artifacts of the job are the files that its command writes."""
    job = GITLAB["extraction"]
    written = set(re.findall(r"--(?:junitxml|llm-extract-\w+)=([\w.]+\.\w+)", job["script"][-1]))
    assert written == {*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()}
