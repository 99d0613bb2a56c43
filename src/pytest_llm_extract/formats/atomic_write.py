"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
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
    path = Path(os.path.realpath(path))  # not `resolve`, to which links in a circle are an error of another kind
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    # Not by mkstemp: its files are their owner's alone, and to read the umask is to set it for all threads.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            _sweep(path.parent, os.fstat(file.fileno()).st_mtime)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _sweep(folder: Path, now: float) -> None:
    """Delete temporary files of killed processes; `now` is the time of the file system."""
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name) and now - entry.stat(follow_symlinks=False).st_mtime > _STALE_S:
                Path(entry.path).unlink()
