"""One process at a time sends and collects the batches of a project, on one machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_llm_extract import clock

_PAUSE_S = 0.2


@contextlib.contextmanager
def locked(cassettes: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a folder of cassettes. It is gone with the process that held it, however that ended.

    `waiting` is called once if another process holds it.
    """
    name = hashlib.sha256(os.path.realpath(cassettes).encode(errors="surrogateescape")).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"pytest-llm-extract-{name}.lock")
    with path.open("ab") as file:
        if not _try(file.fileno()):
            waiting()
            while not _try(file.fileno()):
                clock.sleep(_PAUSE_S)
        yield  # closing the file lets go of the lock


def _try(file: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
