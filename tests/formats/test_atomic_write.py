"""Temporary files of killed processes are deleted by a later write beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pytest_llm_extract.formats.atomic_write import write_atomically

KILLED = """
import os, pathlib, signal
from pytest_llm_extract.formats import atomic_write
atomic_write.os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
atomic_write.write_atomically(pathlib.Path("results.json"), "{}")
"""


def test_leftovers_of_a_killed_process_are_deleted(tmp_path: Path) -> None:
    """An old one goes; one that may still be written stays, as does what only looks like one."""
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    os.utime(left, (0, 0))
    new, other = tmp_path / ".0123456789abcdef.tmp", tmp_path / ".mine.tmp"
    for path in (new, other):
        path.touch()
    os.utime(other, (0, 0))
    write_atomically(tmp_path / "results.json", "{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([new.name, other.name, "results.json"])
