"""Read files of records (jsonl, json, csv, parquet) row by row, as line number and JSON text."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llm_extract.errors import DatasetError, did_you_mean
from pytest_llm_extract.formats.exact_decimals import exact_text, read_number

Record = tuple[int, bytes]
_CASE_COLUMNS = frozenset({"input", "input_file", "context", "metadata", "group"})
_BATCH = 10_000  # rows of a parquet file that are held at once
_BLANK = b" \t\r\n"


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
        for line, text in enumerate(file, start=1):
            text = text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text
            if text.strip(_BLANK):
                yield line, text


def _json(path: Path) -> Iterator[Record]:
    text, decoder = path.read_text("utf-8-sig"), json.JSONDecoder()
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(str(path), [(getattr(error, "lineno", None), f"is not JSON: {error}")]) from None
    if not isinstance(rows, list):
        raise DatasetError(str(path), [(1, "holds no list of records")])
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
    csv.field_size_limit(2**31 - 1)  # the default, 131,072 characters, is less than a long answer
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True, delimiter=_delimiter(file.readline()))
        file.seek(0)
        head = next(reader, [])
        _check_head(head, path)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(head):
                yield line, b"more cells than columns: " + ",".join(cells).encode()
            elif cells:
                yield line, exact_text(_nested(head, cells, leaves)).encode()
            line = reader.line_num + 1


def _delimiter(header: str) -> str:
    """What separates the columns: a comma, or what a header without one has in its place."""
    return next((sign for sign in ",;\t" if sign in header), ",")


def _check_head(head: list[str], path: Path) -> None:
    for one in head:
        clash = next((other for other in head if other.startswith(f"{one}.")), None)
        if clash is not None or head.count(one) > 1:
            problem = f"columns {one!r} and {clash or one!r} exclude each other"
            raise DatasetError(str(path), [(1, problem)])


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
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        problem = "needs pyarrow: pip install 'pytest-llm-extract[parquet]'"
        raise DatasetError(str(path), [(None, problem)]) from None
    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        raise DatasetError(str(path), [(None, f"cannot be read: {error}")]) from None
    line = 0
    for batch in file.iter_batches(batch_size=_BATCH):
        for row in batch.to_pylist():
            line += 1
            yield line, json.dumps(row, default=str).encode()


class BadRecord(Exception):
    """A record that cannot be used, with the reason. `id` is given if it could be read."""

    def __init__(self, problem: str, id: str | None = None) -> None:
        super().__init__(problem)
        self.problem, self.id = problem, id


@dataclass(frozen=True)
class Row:
    """A record, parsed. `value` is the value of `key`; without that, all that is not a column of a case."""

    id: str
    key: str | None
    value: Any
    columns: Mapping[str, Any]


def parse_row(text: bytes, keys: Collection[str], fields: Collection[str], number: Callable[[str], Any] = float) -> Row:
    """Read a record: `{"id": …, <key>: …}`, or flat, `{"id": …, <field>: …}`; `fields` are those of the schema's top.

    `number` reads a JSON number with a point or an exponent.

    Raises:
        BadRecord: it is not such a record.
    """
    try:
        row = json.loads(text.decode(), parse_float=number)
    except (ValueError, RecursionError) as error:
        conflict = text.startswith((b"<<<<<<<", b"=======", b">>>>>>>"))
        shown = text[:40].decode(errors="replace").strip()
        raise BadRecord("merge conflict marker" if conflict else f"is not JSON ({error}): {shown!r}") from None
    if not isinstance(row, dict):
        raise BadRecord(f"a record must be an object, got {type(row).__name__}")
    if "id" not in row:
        raise BadRecord(f"lacks 'id'.{did_you_mean('id', row)}")
    if not isinstance(row["id"], str | int) or row["id"] == "" or isinstance(row["id"], bool):
        raise BadRecord(f"id must be a string or a number, got {row['id']!r}")
    found = [key for key in keys if key in row]
    if len(found) > 1:  # a table has every column in every row
        found = [key for key in found if row[key] is not None] or found[:1]
    if len(found) > 1:
        raise BadRecord(f"has both {found[0]!r} and {found[1]!r}", str(row["id"]))
    columns = {name: value for name, value in row.items() if name != "id" and name not in keys}
    if found:
        return Row(str(row["id"]), found[0], row[found[0]], columns)
    beside = _CASE_COLUMNS - set(fields)
    flat = {name: value for name, value in columns.items() if name not in beside}
    return Row(str(row["id"]), None, flat, {name: columns[name] for name in columns.keys() & beside})


_ID = rb'\s*\{\s*"id"\s*:\s*(?:"([^"\\\x00-\x1f]+)"|(0|[1-9]\d*))\s*'
_HEAD = re.compile(_ID)
_KEYED = {key: re.compile(_ID + rb',\s*"%s"\s*:(.*)\}\s*' % key.encode(), re.DOTALL) for key in ("expected", "output")}
_FLAT = re.compile(_ID + rb",(.*\}\s*)", re.DOTALL)


def glance_id(text: bytes) -> bytes | None:
    """The id of a record that begins with it, unparsed; None for any other."""
    match = _HEAD.match(text)
    return match and (match[1] or match[2])


def cut_value(text: bytes, key: str) -> tuple[bytes, bytes] | None:
    """Id and JSON text of the value of a record that has nothing else, unparsed; None where it must be parsed.

    What is cut out may be no JSON; if it is, then this is the record's value.
    """
    if match := _KEYED[key].fullmatch(text):
        return match[1] or match[2], match[3]
    # A flat record is told by what it does not hold, and an escape could hide that.
    if text.count(b'"id"') > 1 or any(word in text for word in (b'"expected"', b'"output"', b'"raw"', b"\\u")):
        return None
    match = _FLAT.fullmatch(text)
    return match and (match[1] or match[2], b"{" + match[3])
