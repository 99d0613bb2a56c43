"""List and delete the files in a folder of cassettes."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_llm_extract import clock
from pytest_llm_extract.errors import CassetteError
from pytest_llm_extract.formats.atomic_write import TEMPORARY

_OURS = re.compile(r".+-[0-9a-f]{10}(\.\d+)?\.yaml")
_HEAD = b"x_llm_extract:"
_ABANDONED_S = 60.0  # a file that is written right now is younger


def recordings(folder: Path) -> list[Path]:
    """Cassettes and temporary files of killed runs at any depth, sorted by name."""
    return sorted(
        path
        for path in folder.rglob("*")
        if (path.suffix == ".yaml" or TEMPORARY.fullmatch(path.name)) and path.is_file()
    )


def is_disposable(path: Path) -> bool:
    """Whether this package wrote the file, so that it may be deleted when no case needs it."""
    if path.is_symlink():
        return False
    try:
        if TEMPORARY.fullmatch(path.name):
            return clock.wall_s() - path.stat().st_mtime > _ABANDONED_S
        with path.open("rb") as file:
            return bool(_OURS.fullmatch(path.name)) and file.read(len(_HEAD)) == _HEAD
    except OSError:  # it is gone, as the temporary file of a run that goes on, or not for us to read
        return False


def delete(path: Path, root: Path) -> None:
    """Delete a file, and the folders between it and `root` that it leaves empty.

    Raises:
        CassetteError: it cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
        drop_empty_folders(path.parent, root)
    except OSError as error:
        raise CassetteError(path, f"cannot be deleted: {error.strerror or error}") from None


def drop_empty_folders(folder: Path, root: Path) -> None:
    """Delete a folder that is empty, or gone already, and those above it that are empty then, up to `root`."""
    while folder != root and folder.is_relative_to(root):
        if folder.exists():
            if any(folder.iterdir()):
                return
            folder.rmdir()
        folder = folder.parent
