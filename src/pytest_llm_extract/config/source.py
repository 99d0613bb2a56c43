"""The place where a marker was written: errors name it, and the files of its arguments are found from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.errors import UsageError, did_you_mean


def path_below(path: Path, rootdir: Path) -> str | None:
    """A file as results name it: by its path below the rootdir; None for one that lies elsewhere."""
    below = os.path.relpath(path, rootdir).replace(os.sep, "/")
    return None if below.startswith("../") else below


class MarkerSource(NamedTuple):
    """The place where a marker was written.

    Args:
        name: how errors call it, such as `test_invoices.py::test_invoices: llm_extract`.
        module: the test module.
        settings: those of the run.
    """

    name: str
    module: Path
    settings: Settings

    def at(self, part: str) -> MarkerSource:
        """A part of the marker, such as an argument."""
        return self._replace(name=f"{self.name}: {part}")

    def find(self, name: str | Path) -> Path:
        """A file (or a folder of golden data) relative to the rootdir, or beside the test module.

        Raises:
            UsageError: it is in neither place, or the name is empty.
        """
        if not str(name).strip():
            raise UsageError(self.name, f"must name a file, got {str(name)!r}")
        tried = [self.settings.rootdir / name, self.module.parent / name]
        for path in tried:
            if path.exists():
                return path
        near = [path.name for folder in {path.parent for path in tried} if folder.is_dir() for path in folder.iterdir()]
        hint = did_you_mean(Path(name).name, near)
        where = f"in the rootdir {self.settings.rootdir} or beside {self.module.name}"
        raise UsageError(self.name, f"no file {str(name)!r} {where}.{hint}")
