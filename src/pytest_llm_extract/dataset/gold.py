"""Read gold by the schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
from pydantic_core import ErrorDetails

from pytest_llm_extract.cassette.file.fingerprint import digest
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.dataset.gold_labels import AS_WRITTEN, GoldOptions, Labels, read_labels
from pytest_llm_extract.dataset.gold_mistakes import describe, one_for_each_field
from pytest_llm_extract.errors import SHOWN_PROBLEMS, DatasetError, Problems
from pytest_llm_extract.formats.exact_decimals import exact_text, read_number
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.formats.safe_yaml import plain_value
from pytest_llm_extract.schema.schema import Schema, gold_to_json

_CELL = "; a cell of .csv is a string; write such a value in .jsonl or .yaml"


class GoldenCase(NamedTuple):
    """A case with its gold read by the schema; `gold_hash` is the short hash of that gold as it is written.

    `unknown` are the paths of keys that the schema does not have, and that were left out of the case's gold.
    """

    case: Case
    gold: Any
    gold_hash: str
    unknown: tuple[str, ...] = ()

    @property
    def document_hash(self) -> str:
        """The short hash of its document and context, of a file by its bytes."""
        given, context = self.case.input, self.case.context
        document = hashlib.sha256(given.read_bytes()).hexdigest() if isinstance(given, Path) else as_json(given)
        return digest([document, as_json(context)])[:16]

    @property
    def text(self) -> str | None:
        """The gold as JSON text, for a schema to read again; None for gold that has no such form."""
        if self.case.written is not None:
            return self.case.written
        expected = self.case.expected
        if isinstance(expected, pydantic.BaseModel):
            expected = expected.model_dump(mode="json", exclude_unset=True, round_trip=True)
        try:
            return gold_to_json(expected)
        except (TypeError, ValueError):
            return None


def read_golden(
    cases: Iterable[Case], schema: Schema, name: str, options: GoldOptions = AS_WRITTEN
) -> tuple[GoldenCase, ...]:
    """Read every case's gold; `name` is how errors call the dataset.

    Raises:
        DatasetError: some gold does not fit; every such case with its place, the field's path and the nearest field.
    """
    problems: Problems = []
    golden = []
    for case in cases:
        try:
            scored, labels = _read(case, schema, options)
            golden.append(GoldenCase(scored, labels.gold, _hash(scored), labels.unknown))
        except pydantic.ValidationError as error:
            for fault in one_for_each_field(error.errors(include_url=False), schema):
                said = describe(fault, schema) if len(problems) < SHOWN_PROBLEMS else fault["msg"]
                hint = _CELL if name.lower().endswith(".csv") and _is_no_text_of_a_literal(fault) else ""
                problems.append((case.place, f"case {case.id!r}: {said}{hint}"))
        except Exception as error:  # of a validator, or of a model's own __init__
            said = f"the schema's own code cannot read it: {type(error).__name__}: {error}"
            problems.append((case.place, f"case {case.id!r}: expected: {said}"))
    if problems:
        raise DatasetError(name, problems)
    return tuple(golden)


def _read(case: Case, schema: Schema, options: GoldOptions) -> tuple[Case, Labels]:
    """The case with the gold that is scored, and how the schema reads it."""
    if options == AS_WRITTEN:
        return case, Labels(schema.read_gold(case.expected, case.written), case.expected)
    if case.written is None:
        labels = read_labels(schema, case.expected, options)
        return replace(case, expected=labels.data), labels
    exact = json.loads(case.written, parse_float=read_number)
    labels = read_labels(schema, exact, options, lambda data: schema.read_gold_json(exact_text(data)))
    written = exact_text(labels.data)
    return replace(case, expected=json.loads(written), written=written), labels


def _hash(case: Case) -> str:
    expected = case.expected
    if isinstance(expected, pydantic.BaseModel):
        expected = expected.model_dump(exclude_unset=True)
    plain = as_json(expected)
    return digest(plain if case.written is None else [plain, case.written])[:16]


def _is_no_text_of_a_literal(error: ErrorDetails) -> bool:
    given = error["input"]
    stands_for = plain_value(given.strip(), dumped=False) if isinstance(given, str) else given
    return error["type"] == "literal_error" and stands_for != given
