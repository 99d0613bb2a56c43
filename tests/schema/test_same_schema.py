"""The same schema, written as a pydantic model and as a JSON Schema, scores alike."""

from __future__ import annotations

import json
import types
import warnings
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model

from pytest_llm_extract import Outcome, Text
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.schema.json_schema import model_of
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.score import score

Plain = dict[str, Any]
SCALARS: list[tuple[Any, Plain]] = [
    (str, {"type": "string"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (Literal["x", "y"], {"enum": ["x", "y"]}),
    (Annotated[str, Text(casefold=True)], {"type": "string", "x-llm-extract": {"Text": {"casefold": True}}}),
]
VALUES = st.none() | st.sampled_from(["x", "X", "y", "", 1, 2.5, True])


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Plain]:
    """A model and the JSON Schema of the same object."""
    fields: Plain = {}
    properties: Plain = {}
    required = []
    for name in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)):
        tp, schema = draw(places(depth))
        properties[name] = schema
        if draw(st.booleans()):
            fields[name] = (tp, ...)
            required.append(name)
        else:
            fields[name] = (tp | None, None)
    closed = draw(st.booleans())
    config = ConfigDict(extra="forbid") if closed else None
    model = create_model("Made", __config__=config, **fields)
    return model, {"type": "object", "properties": properties, "required": required,
                   **({"additionalProperties": False} if closed else {})}  # fmt: skip


@st.composite
def places(draw: st.DrawFn, depth: int) -> Any:
    """A type and its JSON Schema."""
    kinds = ["scalar", *(["list", "dict", "object", "null"] if depth else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "scalar":
        return draw(st.sampled_from(SCALARS))
    if kind == "object":
        return draw(objects(depth - 1))
    if kind == "null":
        tp, schema = draw(st.sampled_from(SCALARS))
        return tp | None, {**schema, "nullable": True}
    tp, schema = draw(places(depth - 1).filter(lambda found: found[1].get("nullable") is None))
    if kind == "list":
        return types.GenericAlias(list, tp), {"type": "array", "items": schema}
    return types.GenericAlias(dict, (str, tp)), {"type": "object", "additionalProperties": schema}


def values(schema: Plain) -> st.SearchStrategy[Any]:
    """Values that mostly fit a schema."""
    if "properties" in schema:
        inner = {name: values(given) for name, given in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=inner | {"z": VALUES}) | st.none()
    if "items" in schema:
        return st.lists(values(schema["items"]), max_size=2) | st.none()
    if isinstance(schema.get("additionalProperties"), dict):
        return st.dictionaries(st.sampled_from("kl"), values(schema["additionalProperties"]), max_size=2)
    return VALUES


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_same_schema_scores_alike(data: st.DataObject) -> None:
    """Paths, outcomes and validity of any answer, whichever way the schema is written."""
    model, schema = data.draw(objects())
    other = model_of({"title": "Made", **schema}, "test")
    assert Schema.of(other, "test").scored_paths == Schema.of(model, "test").scored_paths
    gold, answer = data.draw(values(schema)) or {}, data.draw(values(schema))
    found: list[Any] = []
    for tp in (model, other):
        try:
            result = score(gold, json.dumps(answer), tp)
        except Exception as error:  # of gold that does not fit
            found.append(type(error).__name__)
        else:
            found.append((result.counts, result.rows, result.valid, result.status))
    assert found[0] == found[1]


INVOICE: Plain = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "note": {"type": "string"},
        "tax": {"type": "number", "nullable": True},
    },
    "required": ["vendor", "tax"],
}


@pytest.mark.parametrize(
    ("answer", "valid"),
    [
        ({"vendor": "A", "tax": None}, True),
        ({"vendor": "A", "tax": 1, "note": None}, True),
        ({"vendor": None, "tax": 1}, False),
        ({"vendor": "A", "tax": 1, "more": 1}, True),
    ],
)
def test_null_where_json_schema_allows_it(answer: Plain, valid: bool) -> None:
    """What is not required, and what OpenAPI calls nullable; `score` takes the schema as it is."""
    assert score({"vendor": "A"}, json.dumps(answer), schema=INVOICE).valid is valid


def test_an_object_that_is_closed() -> None:
    """A key that `additionalProperties: false` forbids makes the document invalid, and keeps what is scored."""
    closed = {**INVOICE, "additionalProperties": False}
    result = score({"vendor": "A"}, '{"vendor": "A", "tax": 1, "more": 1}', closed)
    assert (result.valid, result.counts["vendor"].correct) == (False, 1)


def test_a_dict_has_its_own_leaves_and_rules() -> None:
    """`additionalProperties: {…}` is a dict aligned by its keys; its values, as the items of a list, take rules."""
    rule = {"type": "string", "x-llm-extract": {"Text": {"casefold": True}}}
    sizes, tags = {"type": "object", "additionalProperties": rule}, {"type": "array", "items": rule}
    schema = {"type": "object", "properties": {"sizes": sizes, "tags": tags}}
    result = score({"sizes": {"a": "X", "b": "Y"}, "tags": ["A"]}, {"sizes": {"a": "x"}, "tags": ["a"]}, schema)
    assert {path: counts.to_wire() for path, counts in result.counts.items()} == {
        "sizes{}": {"correct": 1, "missing": 1}, "tags[]": {"correct": 1}}  # fmt: skip


def test_a_rule_of_values_on_rows_is_refused() -> None:
    """A row is not a value: the rule would have no effect."""
    row = {"type": "object", "properties": {"x": {"type": "string"}}, "x-llm-extract": {"Text": {"casefold": True}}}
    with pytest.raises(UsageError, match=r"rows\[\]: Text .* a value, not .* a model"):
        score({}, {}, {"type": "object", "properties": {"rows": {"type": "array", "items": row}}})


def test_a_property_that_pydantic_cannot_have_is_named() -> None:
    """It would vanish without a word."""
    for name in ("model_config", "model_extra", "model_dump", "model_fields_set"):
        with pytest.raises(UsageError, match=rf"properties\.{name}: a field cannot have this name: pydantic uses it"):
            model_of({"type": "object", "properties": {name: {"type": "string"}}}, "test")
    names = ("json", "copy", "schema", "dict", "validate", "class", "_x", "a b", "model_x")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score(dict.fromkeys(names, "x"), dict.fromkeys(names, "y"), schema)
    assert len(found.leaves) == len(names)
    assert all(leaves[0].outcome is Outcome.WRONG for leaves in found.leaves.values())


class Limited(BaseModel):
    """A list with a limit, for the JSON Schema of the same."""

    tags: Annotated[list[str], Field(max_length=2)] | None = None


def test_limits_hold_in_what_is_not_required() -> None:
    """`maxItems` of an optional list is a limit still, and the rows of a longer one are scored."""
    schema = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2}}}
    for tp in (Limited, schema):
        result = score({"tags": ["a"]}, '{"tags": ["a", "b", "c"]}', tp)
        assert (result.valid, result.counts["tags[]"].to_wire()) == (False, {"correct": 1, "spurious": 2})
