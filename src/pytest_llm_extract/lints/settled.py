"""Findings that a person settled: `settled.jsonl` beside the cassettes, committed with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from pytest_llm_extract.errors import ResultsError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.lints.finding import Finding

SETTLED = "settled.jsonl"


def read_settled(path: Path) -> tuple[str, ...]:
    """The keys of settled findings; none where there is no such file.

    Raises:
        ResultsError: the file cannot be read.
    """
    try:
        return _keys(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = reason(error) if isinstance(error, OSError | ValueError) else f"{error} is missing"
        raise ResultsError(str(path), f"is not a file of settled findings: {why}") from None


@lru_cache(maxsize=16)
def _keys(path: Path, changed: int) -> tuple[str, ...]:
    lines = path.read_text("utf-8").splitlines()
    return tuple(str(json.loads(line)["key"]) for line in lines if line.strip())


def settle(path: Path, findings: Iterable[Finding], because: str) -> None:
    """Add findings to the file, each with what it says and the reason that a person gives.

    Raises:
        ResultsError: it cannot be written.
    """
    rows = [
        {
            "key": finding.key,
            "kind": finding.kind,
            "cases": list(finding.cases),
            "field": finding.field,
            "because": because,
        }
        for finding in findings
    ]
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        text = before + ("" if not before or before.endswith("\n") else "\n")
        write_atomically(path, text + "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    except OSError as error:
        raise ResultsError(str(path), f"cannot be written: {reason(error)}") from None
