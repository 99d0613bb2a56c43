"""Small JSON Lines files that are committed beside cassettes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_llm_extract.errors import reason

# What reading such a file raises, and looking into its rows.
BAD_ROWS = (OSError, ValueError, LookupError, TypeError)


def read_rows(path: Path) -> tuple[Any, ...]:
    """The values in the lines of a file, which is read again once it changes; none where there is no such file.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is not JSON.
    """
    try:
        now = path.stat()
        return _rows(path, (now.st_mtime_ns, now.st_size, now.st_ino))  # of some file systems, seconds are the finest
    except (FileNotFoundError, NotADirectoryError):
        return ()


@lru_cache(maxsize=16)
def _rows(path: Path, state: tuple[int, ...]) -> tuple[Any, ...]:
    return rows_of(path.read_text("utf-8"))


def rows_of(text: str) -> tuple[Any, ...]:
    """The values in the lines of a string.

    Raises:
        ValueError: a line is not JSON.
    """
    # split, not splitlines: U+2028 and its like are ordinary characters of a JSON text.
    return tuple(json.loads(line) for line in text.split("\n") if line.strip())


def fault_of_rows(error: Exception) -> str:
    """One of BAD_ROWS in words, for a message that names the file."""
    return reason(error) if isinstance(error, OSError | ValueError) else f"{error} is missing"


def rows_to_text(rows: Iterable[Any]) -> str:
    """The text of a file with these rows."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate, as JSON escapes it
