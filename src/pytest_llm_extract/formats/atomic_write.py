"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


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
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
