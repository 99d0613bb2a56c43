"""Read files of another revision from git without touching the work tree.

The checkout may be a stranger's pull request, so git gets nothing from it but objects and references.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.errors import GitError

_SAFE_CONFIG = (
    "safe.bareRepository=explicit",  # a committed folder with HEAD, objects and refs is not a repository
    "protocol.allow=never",  # a partial clone fetches nothing
    "core.fsmonitor=false",  # these three are names of programs to run
    f"core.hooksPath={os.devnull}",
    "core.pager=cat",
)
_SAFE_OPTIONS = ("--no-pager", "--no-replace-objects", *(part for item in _SAFE_CONFIG for part in ("-c", item)))
_SAFE_ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git, and read what it prints as text."""
    done = _git_bytes(folder, *arguments)
    out, err = (data.decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _git_bytes(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git with nothing from the environment's GIT_* variables, which can name another repository or programs."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("GIT_")}
    command = ["git", *_SAFE_OPTIONS, "-C", str(folder), *arguments]
    return subprocess.run(command, env=inherited | _SAFE_ENVIRONMENT, input=given, capture_output=True, check=False)


def blob_id(data: bytes, like: str) -> str:
    """The id that git gives a file of these bytes, of the same kind as the id `like`."""
    kind = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return kind(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def work_files(folder: Path) -> list[Path]:
    """The files of the work tree that git knows or would add, relative to `folder`."""
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted({Path(path) for path in listed.stdout.split("\0") if path and (folder / path).is_file()})


def head_commit(folder: Path) -> str | None:
    """The checked-out commit; None outside a repository or without git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
    except OSError:
        return None
    return commit.stdout.strip() if commit.returncode == 0 else None


def ignored_by(path: Path, folder: Path) -> str | None:
    """The line by which git ignores a file that it does not track: `.gitignore:3: cassettes/`.

    None where git does not ignore it, or where there is no repository or no git.
    """
    try:
        said = _git_bytes(folder, "check-ignore", "--verbose", "-z", "--stdin", given=os.fsencode(path) + b"\0")
    except OSError:
        return None
    source, line, pattern, *_ = [*said.stdout.decode("utf-8", "replace").split("\0"), "", ""]
    return f"{source}:{line}: {pattern}" if line and not pattern.startswith("!") else None


class Revision(NamedTuple):
    """A commit, by the name that the user gave it; `folder` is where its files are named from."""

    name: str
    commit: str
    folder: Path

    @classmethod
    def of(cls, name: str, folder: Path) -> Revision:
        """Resolve `name` to a commit.

        Raises:
            GitError: no git, no repository, or no such revision.
        """
        try:
            commit = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except OSError as error:
            raise GitError(name, f"git cannot be run: {error.strerror}") from None
        if _git(folder, "rev-parse", "--git-dir").returncode:
            raise GitError(name, f"{folder} is not in a git repository")
        if commit.returncode:
            raise GitError(name, f"there is no such revision here{_if_shallow(folder) or '; is it fetched?'}")
        return cls(name, commit.stdout.strip(), folder)

    @classmethod
    def branched_from(cls, name: str, folder: Path) -> Revision:
        """The commit where HEAD branched from `name`, so that later work of others does not count.

        Raises:
            GitError: as `of`, or a clone so shallow that it does not reach back that far.
        """
        tip = cls.of(name, folder)
        base = _git(folder, "merge-base", "HEAD", tip.commit)
        if base.returncode:
            raise GitError(name, f"it has no commit in common with HEAD{_if_shallow(folder)}")
        return cls(name, base.stdout.strip(), folder)

    def files(self, under: str, name: str) -> list[Path]:
        """The files called `name` below a folder, relative to `folder`."""
        return [path for path in self.blobs(under) if path.name == name]

    def blobs(self, under: str = ".") -> dict[Path, str]:
        """The ids of all files below a folder, by their path relative to `folder`."""
        listed = _git(self.folder, "ls-tree", "-r", "-z", self.commit, "--", under).stdout
        rows = (row.partition("\t") for row in listed.split("\0") if row)
        return {Path(path): head.split()[2] for head, _, path in rows if head.split()[1] == "blob"}

    def read_blobs(self, ids: Sequence[str]) -> list[bytes | None]:
        """The contents of files by their ids, in one call of git; None for one that a partial clone does not have."""
        if not ids:
            return []
        asked = "".join(f"{one}\n" for one in ids).encode()
        data, at, blobs = _git_bytes(self.folder, "cat-file", "--batch", given=asked).stdout, 0, list[bytes | None]()
        for _ in ids:
            end = data.find(b"\n", at)
            head = data[at:end].split()
            if end < 0 or len(head) != 3:
                blobs.append(None)
                at = max(end + 1, at)
                continue
            length = int(head[2])
            blobs.append(data[end + 1 : end + 1 + length])
            at = end + 1 + length + 1
        return blobs

    def read(self, path: Path) -> str | None:
        """The text of a file, named relative to `folder`, as that commit has it; None where it has none.

        Raises:
            GitError: it is not UTF-8, or a partial clone does not have it.
        """
        blob = _git(self.folder, "cat-file", "blob", f"{self.commit}:./{path.as_posix()}")
        if blob.returncode:
            if _git(self.folder, "ls-tree", self.commit, "--", path.as_posix()).stdout:
                raise GitError(self.name, f"{path.as_posix()} is not in this partial clone; fetch it first")
            return None
        text = blob.stdout
        try:
            text.encode()
        except UnicodeEncodeError:
            raise GitError(self.name, f"{path.as_posix()} is not UTF-8") from None
        return text

    def named(self, path: Path) -> str:
        """The name of a file of this commit for messages."""
        return f"{self}:{path.as_posix()}"

    def __str__(self) -> str:
        return f"git:{self.name} ({self.commit[:10]})"


def _if_shallow(folder: Path) -> str:
    shallow = _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    return "; this clone is shallow: fetch the whole history (`git fetch --unshallow`)" if shallow else ""
