"""Find the files that a marker names."""

from __future__ import annotations

from pathlib import Path

from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.errors import UsageError, did_you_mean


def find_file(name: str | Path, settings: Settings, module: Path, source: str) -> Path:
    """A file (or a folder of golden data) relative to the rootdir, or beside the test module.

    Raises:
        UsageError: it is in neither place.
    """
    tried = [settings.rootdir / name, module.parent / name]
    for path in tried:
        if path.exists():
            return path
    near = [path.name for folder in {path.parent for path in tried} if folder.is_dir() for path in folder.iterdir()]
    hint = did_you_mean(Path(name).name, near)
    raise UsageError(source, f"no file {str(name)!r} in the rootdir {settings.rootdir} or beside {module.name}.{hint}")
