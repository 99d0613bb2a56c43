"""Where baselines are, without reading their answers: nothing heavy is imported here."""

from __future__ import annotations

import json
import os
from pathlib import Path

BASELINE, ANCHOR = "baseline.jsonl", "anchor.jsonl"


def shown_path(path: Path, rootdir: Path) -> str:
    """A file as messages and baselines name it: relative to the rootdir, with slashes."""
    return Path(os.path.relpath(path, rootdir)).as_posix()


def suites_by_baseline(cassettes: Path) -> dict[Path, str]:
    """The baselines below the cassettes, with the suite that each names; a file without a header of ours is none."""
    found = {path: suite_of(path) for path in sorted(cassettes.rglob(BASELINE))}
    return {path: suite for path, suite in found.items() if suite is not None}


def suite_of(path: Path) -> str | None:
    """The suite whose baseline a file is, by its header; None for a file without a header of ours."""
    try:
        with path.open(encoding="utf-8") as file:
            return suite_of_header(file.readline())
    except (OSError, ValueError):
        return None


def suite_of_header(text: str) -> str | None:
    """The suite that the first line of a baseline names; None for a line that is no header of ours."""
    try:
        return str(json.loads(text.partition("\n")[0])["suite"])
    except (ValueError, LookupError, TypeError):
        return None
