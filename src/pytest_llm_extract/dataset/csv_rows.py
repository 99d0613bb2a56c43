"""Rows of `.csv`: `id,input,expected.<path>`, with commas."""

from __future__ import annotations

import csv
import io
from typing import Any

from pytest_llm_extract.dataset.case import check_columns, misspelt
from pytest_llm_extract.errors import Place, Problems
from pytest_llm_extract.formats.exact_decimals import ReadNumber
from pytest_llm_extract.formats.strict_json import read_json

_LONGEST_CELL = 2**31 - 1
_NESTED = ("expected", "metadata")
_Path = tuple[str, ...]


def csv_rows(text: str, problems: Problems, number: ReadNumber = float) -> list[tuple[Place, Any]]:
    """One case a record, which may span lines; its place is the line where it starts.

    `expected.<path>` and `metadata.<path>` fill nested objects: an empty cell leaves its field out, `null` is null, a
    JSON list or object is that. Every other cell is text.
    """
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        return _rows(text, problems, number)
    finally:
        csv.field_size_limit(limit)


def _rows(text: str, problems: Problems, number: ReadNumber) -> list[tuple[Place, Any]]:
    rows: list[tuple[Place, Any]] = []
    paths: list[_Path] | None = None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if paths is None:
                    paths = _header(cells)
                elif problem := _misshapen(cells, paths):
                    problems.append((line, problem))
                else:
                    rows.append((line, _row(paths, cells, number)))
            line = reader.line_num + 1
    except (csv.Error, ValueError) as error:
        problems.append((line, f"is not CSV: {error}" if isinstance(error, csv.Error) else str(error)))
    return rows


def _header(cells: list[str]) -> list[_Path]:
    names = [cell.strip() for cell in cells]
    if names[0].startswith("<<<<<<<"):
        raise ValueError("merge conflict marker")
    if len(names) == 1 and (other := next((sign for sign in ";\t|" if sign in names[0]), None)):
        raise ValueError(f"the header is separated by {other!r}; golden data in CSV has commas")
    paths = [_path(name, number) for number, name in enumerate(names, start=1)]
    _refuse_overlap(paths)
    tops = {path[0]: None for path in paths}
    # Of the two, each row may fill another one.
    if problem := check_columns(tuple(name for name in tops if name != "input_file" or "input" not in tops)):
        raise ValueError(problem)
    return paths


def _refuse_overlap(paths: list[_Path]) -> None:
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise ValueError(f"column {'.'.join(path)!r} occurs twice")
        for longer in paths:
            if longer != path and longer[: len(path)] == path:
                raise ValueError(f"columns {'.'.join(path)!r} and {'.'.join(longer)!r} fill the same field")


def _path(name: str, number: int) -> _Path:
    if not name:
        raise ValueError(f"column {number} has no name")
    top, *rest = name.split(".")
    if rest and misspelt(top) in _NESTED:
        raise ValueError(f"no column {name!r}. Did you mean {'.'.join([str(misspelt(top)), *rest])!r}?")
    if top not in _NESTED:
        return (name,)
    if "" in rest:
        raise ValueError(f"column {name!r} names no field")
    if listed := next((part for part in rest if "[" in part), None):
        whole = name[: name.index(listed)] + listed.split("[")[0]
        raise ValueError(f"column {name!r}: a list goes into one cell as JSON, in a column {whole!r}")
    return (top, *rest)


def _misshapen(cells: list[str], paths: list[_Path]) -> str | None:
    if cells[0].startswith(("<<<<<<< ", ">>>>>>> ")) or (len(paths) > 1 and cells == ["======="]):
        return "merge conflict marker"
    if len(cells) != len(paths):
        return f"has {len(cells)} cells, but the header has {len(paths)}"
    return None


def _row(paths: list[_Path], cells: list[str], number: ReadNumber) -> dict[str, Any]:
    row: dict[str, Any] = {"expected": {}}
    for path, cell in zip(paths, cells, strict=True):
        if path[0] in _NESTED or path[0] == "context":
            if cell.strip():
                _fill(row, path, _value(cell, number))
        elif cell.strip() or path[0] not in ("group", "input_file"):
            row[path[0]] = cell
    if "input_file" in row and not row.get("input", "x").strip():
        del row["input"]
    return row


def _value(cell: str, number: ReadNumber) -> Any:
    text = cell.strip()
    if text == "null":
        return None
    if text[0] in "[{":
        try:
            return read_json(text, number)
        except (ValueError, RecursionError):
            return cell
    return cell


def _fill(row: dict[str, Any], path: _Path, value: Any) -> None:
    *parents, last = path
    for name in parents:
        row = row.setdefault(name, {})
    row[last] = value
