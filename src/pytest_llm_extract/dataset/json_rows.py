"""Rows of `.jsonl` and `.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.errors import Place, Problems
from pytest_llm_extract.formats.exact_decimals import ReadNumber
from pytest_llm_extract.formats.strict_json import decoder_of, read_json
from pytest_llm_extract.formats.text_files import conflict_line

_HEAD = 200  # characters in which results.json says what it is
_SPACE = re.compile(r"[ \t\r\n]*")


def not_cases(text: str) -> str:
    """Why a file that holds something else than a list is not golden data."""
    return not_rows(text, "cases, each with id, input and expected")


def not_rows(text: str, wanted: str) -> str:
    """Why a file that holds something else than a list cannot be read; `wanted` is what the list should hold."""
    results = "; this is a results.json" if '"pytest-llm-extract-results"' in text[:_HEAD] else ""
    return f"must be a list of {wanted}{results}"


def jsonl_rows(text: str, problems: Problems, number: ReadNumber = float) -> list[tuple[Place, Any]]:
    """Read one case from each line; empty lines are skipped."""
    rows: list[tuple[Place, Any]] = []
    # split, not splitlines: U+2028 and its like are ordinary characters of a JSON text.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            rows.append((line, read_json(content, number)))
        except json.JSONDecodeError as error:
            conflict = content.startswith(("<<<<<<<", "=======", ">>>>>>>"))
            problem = f"is not JSON: {error.msg} at column {error.colno}"
            problems.append((line, "merge conflict marker" if conflict else problem))
        except (ValueError, RecursionError) as error:
            problems.append((line, f"is not JSON: {error}"))
    return rows


def json_rows(text: str, problems: Problems, number: ReadNumber = float) -> list[tuple[Place, Any]]:
    """A list of cases, each with the line where it starts; after a mistake nothing is read."""
    rows: list[tuple[Place, Any]] = []
    position, line, counted = _skip(text, 0), 1, 0
    if position == len(text):
        return []
    if text[position] != "[":
        conflict = conflict_line(text)
        problems.append((conflict, "merge conflict marker") if conflict else (1, not_cases(text)))
        return []
    try:
        for start, row in _items(text, position, number):
            line += text.count("\n", counted, start)
            counted = start
            rows.append((line, row))
    except json.JSONDecodeError as error:
        conflict = conflict_line(text)
        problem = f"is not JSON: {error.msg} at column {error.colno}"
        problems.append((conflict, "merge conflict marker") if conflict else (error.lineno, problem))
    return rows


def _items(text: str, position: int, number: ReadNumber) -> Iterator[tuple[int, Any]]:
    """Start and value of each item of the list that starts at `position`; every mistake is a JSONDecodeError."""
    decoder = decoder_of(number)
    position = _skip(text, position + 1)
    closed = text.startswith("]", position)
    while not closed:
        try:
            row, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), text, position) from None
        yield position, row
        end = _skip(text, end)
        closed = text.startswith("]", end)
        if not closed and not text.startswith(",", end):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
        position = end if closed else _skip(text, end + 1)
    if (end := _skip(text, position + 1)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _skip(text: str, position: int) -> int:
    blanks = _SPACE.match(text, position)
    return blanks.end() if blanks else position
