"""One record as JSON text: its id, and what it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zlib import crc32

from pytest_llm_extract.errors import did_you_mean

Record = tuple[int, bytes]
_CASE_COLUMNS = frozenset({"input", "input_file", "context", "metadata", "group"})


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


def parse_row(text: bytes, keys: Sequence[str], fields: Collection[str], number: Callable[[str], Any] = float) -> Row:
    """Read a record: `{"id": …, <key>: …}`, or flat, `{"id": …, <field>: …}`; `fields` name those of the schema's top.

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
    present = [key for key in keys if key in row]
    if len(present) > 1:  # a table has every column in every row
        present = [key for key in present if row[key] is not None] or present[:1]
    if len(present) > 1:
        raise BadRecord(f"has both {present[0]!r} and {present[1]!r}", str(row["id"]))
    columns = {name: value for name, value in row.items() if name != "id" and name not in keys}
    if present:
        return Row(str(row["id"]), present[0], row[present[0]], columns)
    if "id" in fields:
        problem = f"the schema has a field 'id' of its own: write the fields in {keys[0]!r}, beside the record's id"
        raise BadRecord(f"{row['id']!r}: {problem}", str(row["id"]))
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


def id_hash(text: bytes) -> int:
    """A hash of a record's id, by which corpora are split; that of an empty id where it has none."""
    return crc32(glance_id(text) or _parsed_id(text))


def _parsed_id(text: bytes) -> bytes:
    try:
        return parse_row(text, (), ()).id.encode("utf-8", "surrogatepass")
    except BadRecord:
        return b""


def pack_record(line: int, text: bytes) -> bytes:
    """A record with its line, as one line of a part of a corpus."""
    return b"%d\t%s\n" % (line, text.rstrip(b"\r\n"))


def unpack_records(packed: bytes) -> list[Record]:
    """The inverse of `pack_record`, of any number of records."""
    cut = (line.partition(b"\t") for line in BytesIO(packed))
    return [(int(number), text) for number, _, text in cut]


def cut_value(text: bytes, key: str, fields: Collection[str]) -> tuple[bytes, bytes] | None:
    """Id and JSON text of the value of a record that has nothing else, unparsed; None where it must be parsed.

    What is cut out may not be JSON; if it is, then this is the record's value.
    """
    if match := _KEYED[key].fullmatch(text):
        return match[1] or match[2], match[3]
    # A flat record is recognized by what it does not hold, and an escape could hide that.
    if (
        "id" in fields
        or text.count(b'"id"') > 1
        or any(word in text for word in (b'"expected"', b'"output"', b'"raw"', b"\\u"))
    ):
        return None
    match = _FLAT.fullmatch(text)
    return match and (match[1] or match[2], b"{" + match[3])
