"""Turn a type's JSON Schema into the strict form of structured output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from pytest_llm_extract.errors import UnsupportedFieldError

# What the provider accepts. The rest is dropped: it would only narrow an answer that pydantic validates anyway.
_KEPT = frozenset(
    {"$ref", "$defs", "type", "properties", "items", "anyOf", "enum", "const", "title", "description", "pattern"}
    | {"format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_LOOKAROUND = re.compile(r"\(\?<?[=!]")
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}

# Stands in a schema for a type that has none.
_UNSAYABLE = "x-unsayable"

_Json = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """What cannot be said is marked, so that it is found where it is."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> _Json:
        return {_UNSAYABLE: error_info.removeprefix("core_schema.")}


def strict_json_schema(tp: Any) -> _Json:
    """The schema with every property required and no others allowed.

    Raises:
        UnsupportedFieldError: a field that strict schemas cannot hold, or a top level that is not an object.
    """
    written = TypeAdapter(tp).json_schema(by_alias=True, schema_generator=_Generator)
    definitions: Mapping[str, Any] = written.get("$defs", {})
    top = _resolved(written, definitions)
    if top.get("type") != "object" or "properties" not in top:
        raise UnsupportedFieldError(
            "", "the schema's top level must be an object; wrap the list or the choice in a model"
        )
    _check(written, "", definitions, set())
    strict = _strict(written, definitions)
    if "$ref" in strict:
        strict |= strict["$defs"][strict.pop("$ref").rsplit("/", 1)[1]]
    return strict


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    return definitions[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def _check(node: Any, path: str, definitions: Mapping[str, Any], seen: set[str]) -> None:
    if not isinstance(node, dict):
        raise UnsupportedFieldError(path, "takes any value")
    if "$ref" in node:
        if node["$ref"] in seen:
            return
        seen.add(node["$ref"])
        node = _resolved(node, definitions)
    if (problem := _problem(node)) is not None:
        raise UnsupportedFieldError(path, problem)
    for name, value in node.get("properties", {}).items():
        _check(value, f"{path}.{name}" if path else name, definitions, seen)
    for choice in _choices(node):
        _check(choice, path, definitions, seen)
    if node.get("type") == "array":
        _check(node.get("items"), f"{path}[]", definitions, seen)


def _problem(node: Mapping[str, Any]) -> str | None:
    if _UNSAYABLE in node:
        return f"is of a type that has no JSON Schema: {node[_UNSAYABLE]}"
    if node.get("additionalProperties") or "patternProperties" in node:
        return "allows keys of any name: list them in a model, or use a list of keys and values"
    if "prefixItems" in node:
        return "is a tuple: use a model or a list"
    if len(node.get("allOf", ())) > 1:
        return "has several schemas in allOf"
    if not node.keys() & {"type", "anyOf", "oneOf", "allOf", "enum", "const"}:
        return "takes any value: give it a type"
    return None


def _choices(node: Mapping[str, Any]) -> list[Any]:
    return [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]


def _strict(node: Mapping[str, Any], definitions: Mapping[str, Any], inside: frozenset[str] = frozenset()) -> _Json:
    kept = {key: value for key, value in node.items() if key in _KEPT}
    if "$ref" in kept and kept.keys() - {"$ref", "$defs"}:
        return _with_copy(kept, definitions, inside)
    if isinstance(node.get("properties"), dict):
        properties = {name: _strict(value, definitions, inside) for name, value in node["properties"].items()}
        kept |= {"properties": properties, "additionalProperties": False, "required": list(properties)}
    if "$defs" in kept:
        kept["$defs"] = {name: _strict(value, definitions) for name, value in node["$defs"].items()}
    if "items" in kept:
        kept["items"] = _strict(node["items"], definitions, inside)
    if choices := _choices(node):
        kept["anyOf"] = [_strict(choice, definitions, inside) for choice in choices]
    return _plain(kept)


def _with_copy(node: _Json, definitions: Mapping[str, Any], inside: frozenset[str]) -> _Json:
    """Replace a reference that has siblings by a copy of its target with those siblings, made once."""
    reference = node["$ref"]
    if reference in inside:
        return {"$ref": reference}
    said = {key: value for key, value in node.items() if key != "$ref"}
    return _strict({**_resolved(node, definitions), **said}, definitions, inside | {reference})


def _plain(node: _Json) -> _Json:
    """Without formats and patterns that are refused, and with the types of an `enum` that names none."""
    if node.get("format") not in _FORMATS:
        node.pop("format", None)
    if _LOOKAROUND.search(str(node.get("pattern", ""))):
        del node["pattern"]
    if "enum" in node and "type" not in node:
        node["type"] = list(dict.fromkeys(_TYPES[type(value)] for value in node["enum"]))
    return node
