"""Golden data: dataset files, lists and callables become cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llm_extract.errors import DatasetError, did_you_mean

_REQUIRED = ("id", "input", "expected")


@dataclass(frozen=True)
class Case:
    """One golden record. Cases of one `group` are no independent evidence, so they are tested together.

    `columns` holds every column of its row but `expected`.
    """

    id: str
    input: Any
    expected: Any
    metadata: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    line: int | None = None

    @property
    def prompt_columns(self) -> dict[str, Any]:
        """What a prompt may name: every column but `expected`, and what `metadata` holds."""
        return {**self.metadata, **self.columns, "id": self.id, "input": self.input}


CasesSource = Path | Iterable[Any] | Callable[[], Iterable[Any]]


def load_cases(source: CasesSource, name: str) -> list[Case]:
    """Read golden data; `name` is how errors call it.

    Raises:
        DatasetError: a row cannot be read, lacks a column, or repeats an id; every problem with its line.
    """
    problems: list[tuple[int | None, str]] = []
    rows = _rows(source, name, problems)
    cases: list[Case] = []
    lines: dict[str, int | None] = {}
    for line, row in rows:
        case = row if isinstance(row, Case) else _case(row, line, problems)
        if case is None:
            continue
        if case.id in lines:
            problems.append((line, f"id {case.id!r} is used twice, first in line {lines[case.id]}"))
        lines.setdefault(case.id, line)
        cases.append(case)
    if not problems and not cases:
        problems.append((None, "holds no case"))
    if problems:
        raise DatasetError(name, problems)
    return cases


def _rows(source: CasesSource, name: str, problems: list[tuple[int | None, str]]) -> list[tuple[int | None, Any]]:
    if isinstance(source, Path):
        return _file_rows(source, name, problems)
    given = source() if callable(source) else source
    return list(enumerate(given, start=1))


def _file_rows(path: Path, name: str, problems: list[tuple[int | None, str]]) -> list[tuple[int | None, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(name, [(None, f"cannot be read: {error}")]) from None
    if path.suffix == ".jsonl":
        return _jsonl_rows(text, problems)
    if path.suffix == ".json":
        return _json_rows(text, name)
    raise DatasetError(name, [(None, f"golden data is .jsonl or .json, not {path.suffix or 'a file without suffix'}")])


def _jsonl_rows(text: str, problems: list[tuple[int | None, str]]) -> list[tuple[int | None, Any]]:
    rows: list[tuple[int | None, Any]] = []
    # split, not splitlines: U+2028 and its like are ordinary characters of a JSON text.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            rows.append((line, json.loads(content)))
        except (ValueError, RecursionError) as error:
            conflict = content.startswith(("<<<<<<<", "=======", ">>>>>>>"))
            problems.append((line, "merge conflict marker" if conflict else f"is not JSON: {error}"))
    return rows


def _json_rows(text: str, name: str) -> list[tuple[int | None, Any]]:
    decoder = json.JSONDecoder()
    rows: list[tuple[int | None, Any]] = []
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(name, [(getattr(error, "lineno", None), f"is not JSON: {error}")]) from None
    position = len(text) - len(text.lstrip())
    if text[position] != "[":
        raise DatasetError(name, [(1, "holds no list of cases")])
    position += 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return rows
        line = text.count("\n", 0, position) + 1
        row, position = decoder.raw_decode(text, position)
        rows.append((line, row))


def _case(row: Any, line: int | None, problems: list[tuple[int | None, str]]) -> Case | None:
    if not isinstance(row, Mapping):
        problems.append((line, f"a case is an object, not {type(row).__name__}"))
        return None
    for column in _REQUIRED:
        if column not in row:
            extra = [key for key in row if key not in _REQUIRED]
            problems.append((line, f"lacks {column!r}.{did_you_mean(column, extra)}"))
            return None
    if not isinstance(row["id"], str | int) or row["id"] == "" or isinstance(row["id"], bool):
        problems.append((line, f"id is a text or a number, not {row['id']!r}"))
        return None
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        problems.append((line, "metadata is an object"))
        return None
    group = row.get("group")
    if not isinstance(group, str | int | None):
        problems.append((line, f"group is a text or a number, not {group!r}"))
        return None
    columns = {key: value for key, value in row.items() if key != "expected"}
    return Case(
        str(row["id"]),
        row["input"],
        row["expected"],
        dict(metadata),
        None if group is None else str(group),
        columns,
        line,
    )
