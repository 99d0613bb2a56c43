"""Find baselines without reading their answers. Nothing heavy is imported here."""

from __future__ import annotations

import json
import os
from pathlib import Path

BASELINE, ANCHOR = "baseline.jsonl", "anchor.jsonl"


def shown_path(path: Path, rootdir: Path) -> str:
    """The path as messages and baselines show it: relative to the rootdir, with slashes."""
    return Path(os.path.relpath(path, rootdir)).as_posix()


def suites_by_baseline(cassettes: Path) -> dict[Path, str]:
    """Baselines below the cassettes with the suite that each names. Files without our header are left out."""
    suites = {path: suite_of(path) for path in sorted(cassettes.rglob(BASELINE))}
    return {path: suite for path, suite in suites.items() if suite is not None}


def suite_of(path: Path) -> str | None:
    """The suite that a file's header names; None if the file has no baseline header."""
    try:
        with path.open(encoding="utf-8") as file:
            return suite_of_header(file.readline())
    except (OSError, ValueError):
        return None


def suite_of_header(text: str) -> str | None:
    """The suite that a baseline's first line names; None if the line is not a baseline header."""
    try:
        return str(json.loads(text.partition("\n")[0])["suite"])
    except (ValueError, LookupError, TypeError):
        return None
