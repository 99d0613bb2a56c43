"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import tempfile
from io import FileIO
from pathlib import Path

# What a killed process leaves behind is deleted by the first write of a later one, once nobody can be writing it.
TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")
_STALE_S = 3600.0
_swept = set[Path]()  # folders, once for each process, since a folder may hold thousands of files


def check_writable(folder: Path) -> None:
    """Make a folder, and see whether a file can be written there.

    Raises:
        OSError: it cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(4096))


def write_atomically(path: Path, content: str | bytes) -> None:
    """Temporary file beside it, fsync, replace; the temporary file never stays behind.

    A symbolic link stays one, and what is there but is not a file (a pipe, a device) is written to as it is.
    """
    data = content.encode() if isinstance(content, str) else content
    # With few calls of the system: each lets go of Python's lock, for which other threads of a recording wait.
    mode = _mode(path)
    if stat.S_ISLNK(mode):
        path = Path(os.path.realpath(path))  # not `resolve`, to which links in a circle are an error of another kind
        mode = _mode(path)
    if mode and not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        path.write_bytes(data)
        return
    # Not by mkstemp: its files are their owner's alone, and to read the umask is to set it for all threads.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with _created(temporary) as file:
            if path.parent not in _swept:
                _sweep(path.parent, os.fstat(file.fileno()).st_mtime)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _mode(path: Path) -> int:
    """What is there, as `lstat` says; 0 for nothing."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _created(path: Path) -> FileIO:
    """A new file, in a new folder where there is none."""
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)


def _sweep(folder: Path, now: float) -> None:
    """Delete temporary files of killed processes; `now` is the time of the file system."""
    _swept.add(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name) and now - entry.stat(follow_symlinks=False).st_mtime > _STALE_S:
                Path(entry.path).unlink()
