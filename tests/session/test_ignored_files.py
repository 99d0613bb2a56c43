"""Cassettes that only one machine has: git ignores them, or nobody committed them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from people import Project

from pytest_llm_extract.git import ignored_by


def test_written_file_that_git_ignores_is_told(people: Project) -> None:
    """With the line that ignores it; a tracked file is not ignored."""
    people.git("init", "-q")
    assert "git ignores" not in people.run("--llm-extract-accept").stdout.str()
    people.pytester.path.joinpath(".gitignore").write_text("# ours\ncassettes/\n")
    said = people.run("--llm-extract-accept")
    said.stdout.fnmatch_lines(["note: git ignores cassettes/*/baseline.jsonl (.gitignore:2: cassettes/), so CI *"])
    people.git("add", "-f", "cassettes")
    assert "git ignores" not in people.run("--llm-extract-accept").stdout.str()


def test_line_that_ignores_a_file_is_read_whole(tmp_path: Path) -> None:
    """A pattern may hold a colon, a later line may take a file back, and there may be no repository."""
    assert ignored_by(tmp_path / "x", tmp_path) is None
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    tmp_path.joinpath(".gitignore").write_text("# ours\ncass*\n!cassettes2/\nx:y/\n")
    lines = {name: ignored_by(tmp_path / name, tmp_path) for name in ("ü/cassé", "cassettes2/a", "x:y/z", "plain")}
    assert lines == {
        "ü/cassé": ".gitignore:2: cass*",
        "cassettes2/a": None,
        "x:y/z": ".gitignore:4: x:y/",
        "plain": None,
    }


@pytest.mark.parametrize("is_ignored", [True, False])
def test_missing_cassette_in_ci_says_to_commit_it(
    people: Project, monkeypatch: pytest.MonkeyPatch, is_ignored: bool
) -> None:
    """A machine without a key cannot record, so the advice to record alone leads nowhere."""
    people.git("init", "-q")
    people.pytester.path.joinpath(".gitignore").write_text("cass*\n" if is_ignored else "")
    shutil.rmtree(people.pytester.path / "cassettes")
    monkeypatch.setenv("CI", "true")
    folder = "cassettes/test_items/test_items/read"
    why = (
        f"git ignores {folder} (.gitignore:1: cass[*]): take it out of that file, and commit the cassettes"
        if is_ignored
        else f"in CI nothing is recorded: record where there is a key, and commit {folder}"
    )
    people.run().stdout.fnmatch_lines(["MISSING: no cassette (12 cases: *", f"    {why}"])
