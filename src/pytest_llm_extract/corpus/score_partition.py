"""Score one partition of a corpus, as an engine such as Dask, Ray or Spark maps it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_llm_extract.corpus.partition import Part, PartScorer
from pytest_llm_extract.corpus.records import Record
from pytest_llm_extract.corpus.schema_reference import load_type
from pytest_llm_extract.corpus.totals import Scope, Totals
from pytest_llm_extract.dataset.gold_labels import GoldOptions
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.schema.schema import Schema

_SOURCE = "score_partition"
_OF_PREDICTIONS = ("output", "raw")


def score_partition(
    records: Iterable[Mapping[str, Any]],
    schema: Any,
    rules: Mapping[str, Any] | None = None,
    *,
    strip: str | None = None,
    ignore_unknown: bool = False,
    absent_is_null: bool = False,
    partition: str | None = None,
) -> Totals:
    """Score the records of one partition. The totals of all partitions add up to those of one pass over everything.

    Args:
        records: `{"id": …, "expected": …, "output": …}`, or `"raw"`, the text of an answer, in place of `output`.
            `expected` and `output` are values or JSON text. A record may also hold gold or a prediction alone: then
            both are joined by id, so one partition must hold all records of an id. None and NaN stand for a
            value that is not there.
        schema: a pydantic type, or `"module:Model"` or the path of a JSON Schema file.
        rules: rules by field path, as `compare=` has them; None for those of the schema.
        strip: "fence" to read answers (`raw`) that are in a Markdown fence; None to take them as they are.
        ignore_unknown: leave out keys of gold that the schema does not have.
        absent_is_null: read a key that gold leaves out as null.
        partition: identity of the partition; None for a hash of its ids. Totals that are added count a partition that
            was scored again only once.

    Raises:
        UsageError: the schema or a rule cannot be used, or a record has no id.

    Example:
        >>> totals = sum((score_partition(part, Invoice) for part in parts), Totals())
        >>> totals.fields()["vendor"].counts.accuracy
        0.95
    """
    read = Schema.of(load_type(schema) if isinstance(schema, str) else schema, _SOURCE, rules)
    part = Part([], [])
    for line, record in enumerate(records, start=1):
        case_id = _id(record, line)
        if _has(record, "expected"):
            part.gold.append(_text(line, case_id, "expected", record["expected"]))
        key = next((key for key in _OF_PREDICTIONS if _has(record, key)), None)
        if key is not None:
            part.predictions.append(_text(line, case_id, key, record[key]))
        elif not _has(record, "expected"):
            raise UsageError(_SOURCE, f"record {case_id} has none of expected, output, raw; it has {', '.join(record)}")
    return PartScorer(read, None, Scope.of(read, strip, GoldOptions(ignore_unknown, absent_is_null))).score(
        part, partition
    )


def _has(record: Mapping[str, Any], key: str) -> bool:
    value = record.get(key)
    return value is not None and value == value  # NaN stands for null in a pandas frame


def _id(record: Mapping[str, Any], line: int) -> str:
    case_id = record.get("id")
    if case_id is None or isinstance(case_id, float | bool):
        raise UsageError(_SOURCE, f"record {line}: id must be a string or a whole number, got {case_id!r}")
    return json.dumps(str(case_id))


def _text(line: int, case_id: str, key: str, value: Any) -> Record:
    """A record of one value as JSON text, which is how records of files come."""
    is_json = isinstance(value, str | bytes) and key != "raw"
    text = (value.decode() if isinstance(value, bytes) else value) if is_json else json.dumps(value, default=as_json)
    return line, f'{{"id": {case_id}, "{key}": {text}}}'.encode("utf-8", "surrogatepass")
