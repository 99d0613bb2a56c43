"""Where baselines are, without reading their answers: nothing heavy is imported here."""

from __future__ import annotations

import json
import os
from pathlib import Path

BASELINE, ANCHOR = "baseline.jsonl", "anchor.jsonl"


def shown_path(path: Path, rootdir: Path) -> str:
    """A file as messages and baselines name it: relative to the rootdir, with slashes."""
    return Path(os.path.relpath(path, rootdir)).as_posix()


def suites_with_baseline(cassettes: Path) -> dict[str, Path]:
    """The suites that have a baseline below the cassettes, by id; a file without a header of ours is none."""
    found = {path: suite_of(path) for path in sorted(cassettes.rglob(BASELINE))}
    return {suite: path for path, suite in found.items() if suite is not None}


def suite_of(path: Path) -> str | None:
    """The suite whose baseline a file is, by its header; None for a file without a header of ours."""
    try:
        with path.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())["suite"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
