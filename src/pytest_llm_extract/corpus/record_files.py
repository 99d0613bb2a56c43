"""Read files of records (jsonl, json, csv, parquet) row by row, as line number and JSON text."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.corpus.records import Record
from pytest_llm_extract.dataset.json_rows import not_rows
from pytest_llm_extract.errors import DatasetError, did_you_mean
from pytest_llm_extract.formats.exact_decimals import exact_text, read_number

_BATCH = 10_000  # rows of a parquet file that are held at once
_BLANK = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"


def read_records(path: Path, leaves: Collection[str]) -> Iterator[Record]:
    """Line (of parquet: row), and JSON text of every record; nothing is parsed that need not be.

    `leaves` are the field paths of the schema: a cell of a csv file that is not a leaf may hold JSON.

    Raises:
        DatasetError: the file cannot be read, or is of no kind known here.
    """
    readers: dict[str, Callable[[], Iterator[Record]]] = {
        ".jsonl": lambda: _jsonl(path),
        ".json": lambda: _json(path),
        ".csv": lambda: _csv(path, leaves),
        ".parquet": lambda: _parquet(path),
    }
    if path.suffix not in readers:
        known = "a .jsonl, .json, .csv or .parquet file"
        raise DatasetError(str(path), [(None, f"is not {known}.{did_you_mean(path.suffix, readers)}")])
    try:
        yield from readers[path.suffix]()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(str(path), [(None, f"cannot be read: {error}")]) from None


def _jsonl(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        yield from jsonl_records(file, 1)


def jsonl_records(lines: Iterable[bytes], first: int) -> Iterator[Record]:
    """The lines that are not blank; `first` is the number of the first."""
    for line, text in enumerate(lines, start=first):
        text = text.removeprefix(_MARK) if line == 1 else text
        if text.strip(_BLANK):
            yield line, text


def _json(path: Path) -> Iterator[Record]:
    text, decoder = path.read_text("utf-8-sig"), json.JSONDecoder()
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(str(path), [(getattr(error, "lineno", None), f"is not JSON: {error}")]) from None
    if not isinstance(rows, list):
        raise DatasetError(str(path), [(1, not_rows(text, "records"))])
    position, line, counted = text.index("[") + 1, 1, 0
    for _ in rows:
        while text[position] in " \t\r\n,":
            position += 1
        line, counted = line + text.count("\n", counted, position), position
        _, end = decoder.raw_decode(text, position)
        # One record is one line wherever it goes; a line break within JSON is a blank.
        yield line, text[position:end].replace("\r", " ").replace("\n", " ").encode()
        position = end


def _csv(path: Path, leaves: Collection[str]) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = read_header(lines, str(path))
        yield from header.records(lines, header.n_lines, leaves)


class Header(NamedTuple):
    """The columns of a csv file, what separates them, and how many lines they take."""

    columns: list[str]
    delimiter: str
    n_lines: int

    def rows(self, lines: Iterable[str], before: int) -> Iterator[tuple[int, list[str]]]:
        """Cells of each row with the number of its first line; `before` counts the lines that came before these."""
        reader = csv.reader(lines, strict=True, delimiter=self.delimiter)
        line = before + 1
        for cells in reader:
            yield line, cells
            line = before + reader.line_num + 1

    def records(self, lines: Iterable[str], before: int, leaves: Collection[str]) -> Iterator[Record]:
        """Rows as JSON text; empty rows are left out."""
        for line, cells in self.rows(lines, before):
            if len(cells) > len(self.columns):
                yield line, b"more cells than columns: " + ",".join(cells).encode()
            elif cells:
                yield line, exact_text(_nested(self.columns, cells, leaves)).encode()


def read_header(lines: Iterator[str], name: str) -> Header:
    """Read the header of a csv file, and not a line more.

    Raises:
        DatasetError: two columns exclude each other.
    """
    csv.field_size_limit(2**31 - 1)  # the default, 131,072 characters, is less than a long answer
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), strict=True, delimiter=_delimiter(first))
    columns = next(reader, [])
    _check_head(columns, name)
    return Header(columns, _delimiter(first), reader.line_num)


def _delimiter(header: str) -> str:
    """What separates the columns: a comma, or what a header without one has in its place."""
    return next((sign for sign in ",;\t" if sign in header), ",")


def _check_head(head: list[str], name: str) -> None:
    for one in head:
        clash = next((other for other in head if other.startswith(f"{one}.")), None)
        if clash is not None or head.count(one) > 1:
            problem = f"columns {one!r} and {clash or one!r} exclude each other"
            raise DatasetError(name, [(1, problem)])


def _nested(head: list[str], cells: list[str], leaves: Collection[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, cell in zip(head, cells, strict=False):
        if cell == "":
            continue
        *above, last = name.split(".")
        inner = row
        for part in above:
            inner = inner.setdefault(part, {})
        path = name.removeprefix("expected.").removeprefix("output.")
        inner[last] = cell if name in ("id", "raw", "input") else _cell(cell, path in leaves)
    return row


def _cell(cell: str, is_leaf: bool) -> Any:
    if cell == "null":
        return None
    if not is_leaf and cell[0] in "[{":
        try:
            return json.loads(cell, parse_float=read_number)
        except ValueError:
            return cell
    return cell


def _parquet(path: Path) -> Iterator[Record]:
    file = open_parquet(path, str(path))
    return parquet_records(file, list(range(file.num_row_groups)), 0)


def open_parquet(file: Any, name: str) -> Any:
    """A `pyarrow.parquet.ParquetFile`, of a path or of an open file.

    Raises:
        DatasetError: pyarrow is not installed, or it is not such a file.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        problem = "needs pyarrow: pip install 'pytest-llm-extract[parquet]'"
        raise DatasetError(name, [(None, problem)]) from None
    try:
        return parquet.ParquetFile(file)
    except pyarrow.ArrowException as error:
        raise DatasetError(name, [(None, f"cannot be read: {error}")]) from None


def parquet_records(file: Any, groups: list[int], before: int) -> Iterator[Record]:
    """The rows of some row groups; `before` counts the rows that came before them."""
    row_number = before
    for batch in file.iter_batches(batch_size=_BATCH, row_groups=groups):
        for row in batch.to_pylist():
            row_number += 1
            yield row_number, json.dumps(row, default=str).encode()
