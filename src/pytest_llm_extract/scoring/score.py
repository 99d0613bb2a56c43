"""Score an answer against gold."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any

from pydantic import BaseModel, ValidationError

from pytest_llm_extract.dataset.gold_labels import GoldOptions, read_labels
from pytest_llm_extract.dataset.gold_mistakes import is_computed, unknown_key
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.formats.fences import FENCE
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts, Leaf, Outcome
from pytest_llm_extract.rules.comparators import ANY_OF_KEY, AnyOf
from pytest_llm_extract.schema.json_schema import model_of
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.schema.validators import MISSING, Unreadable
from pytest_llm_extract.scoring.answer import Answer, read_answer, take_output
from pytest_llm_extract.scoring.compare.hints import near_miss
from pytest_llm_extract.scoring.compare.walk import compare
from pytest_llm_extract.wording import some_names


def score(
    gold: Any,
    predicted: Any,
    schema: Any = None,
    compare: Mapping[str, Any] | None = None,
    *,
    strip: str | None = None,
    ignore_unknown: bool = False,
    absent_is_null: bool = False,
) -> CaseResult:
    """Score one prediction against gold, without pytest.

    `gold` is plain data or an instance; what it does not set is not scored. `predicted` is an instance, plain data,
    or the JSON text of an answer. `schema` is a pydantic type or a JSON Schema; an instance needs none. `compare` holds
    rules by field path, which take precedence over those of the schema. With `strip="fence"` an answer that is one
    Markdown fence is its content. With `ignore_unknown` keys of gold that the schema does not have are left out, with a
    warning that names them. With `absent_is_null` a key that gold leaves out is null, instead of not being scored.

    Example:
        >>> score({"vendor": "ACME"}, {"vendor": "Acme"}, schema=Invoice).counts["vendor"].wrong
        1

    Raises:
        UsageError: there is no schema, it is not a pydantic type, or a rule does not fit its field.
        UnknownNameError: gold or `compare` names a field that the schema does not have.
        pydantic.ValidationError: gold does not fit the schema.
    """
    if schema is None:
        schema = next((type(value) for value in (gold, predicted) if isinstance(value, BaseModel)), None)
    if isinstance(schema, Mapping):
        schema = model_of(schema, "score")
    read = Schema.of(schema, "score", compare) if compare or not isinstance(schema, Hashable) else _schema(schema)
    if strip not in (None, FENCE):
        raise UsageError("score", f"strip= must be {FENCE!r}, got {strip!r}")
    is_text = isinstance(predicted, str | bytes)
    answer = read_answer(read, predicted, strip) if is_text else take_output(read, predicted)
    return score_answer(read, _read_gold(read, gold, GoldOptions(ignore_unknown, absent_is_null)), answer)


@lru_cache(maxsize=256)
def _schema(tp: Any) -> Schema:
    return Schema.of(tp, "score")


def _read_gold(schema: Schema, gold: Any, options: GoldOptions) -> Any:
    try:
        labels = read_labels(schema, gold, options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] != "extra_forbidden":
            raise
        path = "".join("[]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        if is_computed(first["loc"], schema):
            raise UsageError("score: gold", f"{path}: {unknown_key(first['loc'], schema)}") from None
        raise UnknownNameError(path, known=schema.paths, source="score: gold", kind="field") from None
    if labels.unknown:
        named = some_names(dict.fromkeys(labels.unknown))
        warnings.warn(f"gold has keys that the schema does not have, ignored: {named}", stacklevel=3)
    return labels.gold


def score_answer(schema: Schema, gold: Any, answer: Answer, *, case_id: str = "", **known: Any) -> CaseResult:
    """Score an answer against gold that `Schema.read_gold` gave; `known` are further fields of the result."""
    absent = Outcome.INVALID if answer.lost else Outcome.ABSENT_OK
    leaves: dict[str, list[Leaf]] = {}
    walk = compare(schema.root, gold, answer.value, absent)
    for path, outcome, expected, actual, parents in walk:
        missed = parents is not None or outcome is Outcome.WRONG
        hint = near_miss(path, expected, actual, parents) if missed else None
        leaves.setdefault(path, []).append(
            Leaf(outcome, leaf_json(expected, path, schema), leaf_json(actual, path, schema), hint)
        )
    for path, outcome, *sides in walk.bare:
        expected, actual = (row_json(row, path, schema) for row in sides)
        leaves.setdefault(path, []).append(Leaf(outcome, expected, actual, is_row=True))
    return CaseResult(
        answer.status,
        {path: tuple(found) for path, found in leaves.items()},
        answer.valid,
        case_id,
        error=answer.error,
        rows=count_rows(walk.rows),
        **known,
    )


def count_rows(rows: Iterable[tuple[str, Outcome, int]]) -> dict[str, FieldCounts]:
    """Row outcomes by the path of the rows."""
    counted: dict[str, Counter[str]] = {}
    for path, outcome, n in rows:
        counted.setdefault(path, Counter())[outcome.value] += n
    return {path: FieldCounts(**counts) for path, counts in counted.items()}


def row_json(value: Any, path: str, schema: Schema) -> Any:
    """A row as JSON; of gold, what is labelled."""
    if isinstance(value, BaseModel | Mapping):
        fields = value if isinstance(value, Mapping) else vars(value)
        return {str(name): row_json(found, path, schema) for name, found in fields.items() if found is not MISSING}
    if isinstance(value, list | tuple):
        return [row_json(item, path, schema) for item in value]
    return leaf_json(value, path, schema)


def leaf_json(value: Any, path: str, schema: Schema) -> Any:
    """A leaf as JSON; `path` is its field, whose type may say how bytes are written."""
    if value is None or type(value) in (str, int, bool) or (type(value) is float and isfinite(value)):
        return value
    if type(value) is Decimal:
        return str(value)
    if isinstance(value, Unreadable):
        return leaf_json(value.value, path, schema)
    if isinstance(value, AnyOf):
        return {ANY_OF_KEY: [leaf_json(found, path, schema) for found in value.values]}
    if isinstance(value, bytes):
        return schema.write_bytes(path, value)
    return _finite(as_json(value))


def _finite(value: Any) -> Any:
    """A JSON value with NaN and infinities as strings, since JSON has no such numbers."""
    if isinstance(value, float):
        return value if isfinite(value) else json.dumps(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
