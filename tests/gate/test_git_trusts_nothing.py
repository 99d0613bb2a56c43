"""What a stranger's checkout can make git do: nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from commands import LLM_EXTRACT
from repository import commit, git

from pytest_llm_extract.errors import GitError
from pytest_llm_extract.git import Revision, head_commit


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit on main."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "a.txt").write_text("the real one\n")
    commit(folder, "base")
    return folder


@pytest.fixture
def trap(checkout: Path, tmp_path: Path) -> Path:
    """A folder of the checkout that is a bare repository, whose configuration runs a program."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("forged\n")
    commit(other, "forged")
    folder = checkout / "svc"
    git(tmp_path, "clone", "-q", "--bare", str(other), str(folder))
    with (folder / "config").open("a") as file:
        program = f"touch {tmp_path / 'ran'}"
        file.write(f'[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = "{program}"\n\tpager = "{program}"\n')
    return folder


def test_committed_bare_repository_is_not_believed(checkout: Path, trap: Path, tmp_path: Path) -> None:
    """In a folder that poses as a repository, its `main` is not read and its programs do not run."""
    with pytest.raises(GitError):
        Revision.of("main", trap)
    assert head_commit(trap) != git(tmp_path / "other", "rev-parse", "HEAD")
    assert not (tmp_path / "ran").exists()
    revision = Revision.of("main", checkout)
    assert revision.read(Path("a.txt")) == "the real one\n"


def test_diff_inside_a_committed_bare_repository_stops(trap: Path, tmp_path: Path) -> None:
    """The command says that this is not a repository, with exit status 2."""
    run = subprocess.run(
        [LLM_EXTRACT, "diff", "git:main", "git:main"], cwd=trap, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "is not in a git repository" in run.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_GLOBAL", "GIT_NAMESPACE"])
def test_variables_of_git_name_no_other_repository(
    checkout: Path, trap: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """What a step before this one left in the environment does not change what is read."""
    commit = git(checkout, "rev-parse", "main")
    monkeypatch.setenv(variable, str(trap))
    revision = Revision.of("main", checkout)
    assert (revision.commit, revision.read(Path("a.txt"))) == (commit, "the real one\n")


def test_partial_clone_fetches_nothing(checkout: Path, tmp_path: Path) -> None:
    """An object that is not here is an error, not a file that never was; the remote is not asked for it."""
    git(checkout, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", checkout.as_uri(), str(clone))
    program = tmp_path / "upload-pack"
    program.write_text(f'#!/bin/sh\ntouch {tmp_path / "ran"}\nexec git-upload-pack "$@"\n')
    program.chmod(0o755)
    git(clone, "config", "remote.origin.uploadpack", str(program))
    with pytest.raises(GitError, match=r"a\.txt is not in this partial clone"):
        Revision.of("main", clone).read(Path("a.txt"))
    assert Revision.of("main", clone).read(Path("b.txt")) is None
    assert not (tmp_path / "ran").exists()
