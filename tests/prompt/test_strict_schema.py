"""A pydantic type as the strict schema that providers take."""

from __future__ import annotations

import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from prompted import echo, write
from pydantic import BaseModel, ConfigDict, Field, HttpUrl
from recorded import record
from standin import StandIn

from pytest_llm_extract.errors import UnsupportedFieldError
from pytest_llm_extract.prompt.strict_schema import strict_json_schema


class Colour(enum.Enum):
    RED = "red"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Accepted(BaseModel):
    """Every feature that the provider takes, or that can be said without what it refuses."""

    amount: Decimal = Decimal(0)
    short: Annotated[str, Field(min_length=1, max_length=3)]
    code: Annotated[str, Field(pattern="^[A-Z]+$")]
    share: Annotated[float, Field(ge=0, le=1, multiple_of=0.5)]
    tags: set[str]
    pair: Annotated[list[int], Field(min_length=2, max_length=2)]
    site: HttpUrl
    mixed: Literal["a", 1, None]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    colour: Colour = Field(Colour.RED, description="of the lid")
    default: str = Field("x", alias="Default")
    parent: Accepted | None = None


def keywords(node: Any) -> set[str]:
    """Every keyword of a schema, names of properties aside."""
    if isinstance(node, list):
        return set().union(*map(keywords, node))
    if not isinstance(node, dict):
        return set()
    named = [value for key in ("properties", "$defs") for value in node.get(key, {}).values()]
    rest = [value for key, value in node.items() if key not in ("properties", "$defs")]
    return set(node) | keywords(named) | keywords(rest)


def test_strict_schema_holds_what_the_provider_takes() -> None:
    """Refused keywords are gone, what may stay has stayed, and every property is required."""
    schema = strict_json_schema(Accepted)
    properties = schema["properties"]
    assert not keywords(schema) & {
        "oneOf",
        "discriminator",
        "default",
        "minLength",
        "maxLength",
        "uniqueItems",
        "allOf",
    }
    assert schema["required"] == list(properties)
    assert schema["additionalProperties"] is schema["$defs"]["Cat"]["additionalProperties"] is False
    assert properties["code"]["pattern"] == "^[A-Z]+$"
    assert (properties["share"]["minimum"], properties["share"]["multipleOf"]) == (0, 0.5)
    assert properties["pair"]["maxItems"] == 2
    assert "format" not in properties["site"]
    assert properties["mixed"]["type"] == ["string", "integer", "null"]
    assert properties["pet"]["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert properties["colour"]["description"] == "of the lid"
    assert properties["colour"]["enum"] == ["red"]
    assert "Default" in properties
    lookahead = Annotated[str, Field(json_schema_extra={"pattern": r"^(?!\s*$)\d*$"})]
    assert "pattern" not in keywords(strict_json_schema(type("M", (BaseModel,), {"__annotations__": {"x": lookahead}})))


class Node(BaseModel):
    value: int
    next: Node = Field(description="the one behind it")


def test_strict_schema_of_a_model_that_holds_itself() -> None:
    """What is said of a field stays, once, and the rest refers to the definition."""
    schema = strict_json_schema(Node)
    behind = schema["properties"]["next"]
    assert behind["description"] == "the one behind it"
    assert behind["properties"]["next"] == {"$ref": "#/$defs/Node"}
    assert behind["additionalProperties"] is False


class Money:
    """No pydantic type."""


class Loose(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    money: Money | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Row(BaseModel):
    attrs: dict[str, int]


class Refused(BaseModel):
    rows: list[Row] = []


@pytest.mark.parametrize(
    ("annotation", "line"),
    [
        (dict[str, int], "field 'x' allows keys of any name"),
        (Any, "field 'x' takes any value"),
        (list[Any], r"field 'x\[\]' takes any value"),
        (list, r"field 'x\[\]' takes any value"),
        (tuple[int, str], "field 'x' is a tuple"),
        (Open | None, "field 'x' allows keys of any name"),
        (list[Loose], r"field 'x\[\].money' is of a type that has no JSON Schema: IsInstanceSchema \(.*Money"),
        (Callable[[int], int], "field 'x' is of a type that has no JSON Schema: CallableSchema"),
        (Refused, r"field 'x.rows\[\].attrs' allows keys of any name"),
    ],
)
def test_strict_schema_names_the_field_that_it_cannot_hold(annotation: Any, line: str) -> None:
    """A path as floors have it."""
    model = type("M", (BaseModel,), {"__annotations__": {"x": annotation}})
    with pytest.raises(UnsupportedFieldError, match=line):
        strict_json_schema(model)


@pytest.mark.parametrize(("kind", "passed"), [("json_schema", 0), ("tool", 0), ("json_object", 3)])
def test_free_form_field_is_a_collection_error(bare: pytest.Pytester, kind: str, passed: int) -> None:
    """One line with the field and the way out, which works."""
    write(bare, f"response_format={kind!r}")
    module = bare.path / "test_items.py"
    module.write_text(module.read_text().replace("    name: str\n", "    name: str\n    attrs: dict[str, int] = {}\n"))
    with StandIn(echo) as provider:
        run = record(bare, provider)
    run.assert_outcomes(passed=passed, errors=0 if passed else 1)
    if not passed:
        run.stdout.fnmatch_lines([f"*response_format={kind!r}: field 'attrs' allows keys of any name*'json_object'*"])
