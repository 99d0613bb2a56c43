"""A JSON Schema as `schema=`: it becomes a pydantic model, so that everything else knows one kind of schema only."""

from __future__ import annotations

import json
import types
import typing
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, PydanticUserError
from pydantic_core import SchemaError

from pytest_llm_extract.errors import UsageError, did_you_mean
from pytest_llm_extract.formats.text_files import read_regular
from pytest_llm_extract.rules.comparators import EXTRA_KEY, rules_of_json

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_TYPES = _SCALARS | {"object", "array", "null"}
_DEFINITIONS = ("$defs", "definitions")
_CHOICES = ("anyOf", "oneOf", "allOf")
# What an object or an array is, as opposed to what is said about a value of any type.
_SHAPE = frozenset({"title", "properties", "required", "additionalProperties", "items", "uniqueItems"})
_SAID_OF_ANY = frozenset({"description", "default", "nullable", EXTRA_KEY})
_TAKEN = frozenset(name for name in dir(BaseModel) if name.startswith("model_"))
_MOST_REFERENCES = 100  # that lead to one another
_CLOSED = "x-llm-extract-closed"  # marks an object that allows no further key, until its model is made
_PREFIX = "#/x-llm-extract-types/"
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(("properties", *_DEFINITIONS), ((Mapping,), "an object of schemas")),
    **dict.fromkeys(_CHOICES, ((list,), "a list of schemas")),
    "items": ((Mapping, bool), "one schema for every item"),
    "type": ((str, list), "the name of a type, or a list of them"),
    "required": ((list,), "a list of names"),
    "enum": ((list,), "a list of values"),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), ((int,), "a whole number")),
    **dict.fromkeys(("title", "pattern", "format"), ((str,), "a string")),
    "$ref": ((str,), "a path such as '#/$defs/Line'"),
}


def read_json_schema(path: Path, source: str) -> type[BaseModel]:
    """The model of a JSON Schema file; without a title it is named like the file.

    Raises:
        UsageError: it cannot be read, or is not a JSON Schema of an object.
    """
    return model_of(read_schema_file(path, source), f"{source}: {path.name}")


def read_schema_file(path: Path, source: str) -> dict[str, Any]:
    """A JSON Schema file, with the file's name as its title if it has none.

    Raises:
        UsageError: it cannot be read, or is not an object.
    """
    place = f"{source}: {path.name}"
    try:
        schema = json.loads(read_regular(path).decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(place, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(place, f"is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise UsageError(place, "is not a JSON Schema: its top level is not an object")
    return {"title": path.stem, **schema}


def model_of(schema: Mapping[str, Any], source: str) -> type[BaseModel]:
    """The model of a JSON Schema; rules under `x-llm-extract` stay with their properties.

    Raises:
        UsageError: it does not describe an object, or uses what cannot be expressed as a model.
    """
    reading = _Reading(schema, source)
    try:
        read = reading.schema(schema, "")
    except RecursionError:
        raise UsageError(source, "the JSON Schema is nested too deep") from None
    try:
        model = _create(read, reading.types(read))
        if isinstance(model, type) and issubclass(model, BaseModel):
            _finish(model)
    except Exception as error:  # of the library, of pydantic, and whatever else a schema of this kind leads to
        place = _culprit(read)
        raise UsageError(source, f"{place}the JSON Schema cannot be read: {_said(error)}") from None
    if not isinstance(model, type) or not issubclass(model, BaseModel) or not model.model_fields:
        raise UsageError(source, "the JSON Schema's top level must be an object with `properties`")
    return model


def _create(schema: Mapping[str, Any], types: dict[str, Any] | None = None) -> Any:
    from json_schema_to_pydantic import create_model

    with warnings.catch_warnings():
        # Of `json`, `copy`, `schema` and the like, which nothing here calls.
        warnings.filterwarnings("ignore", "Field name .* shadows an attribute")
        return create_model(dict(schema), allow_undefined_type=True, predefined_refs=types)


def _culprit(schema: Mapping[str, Any]) -> str:
    """The first property that cannot be read on its own either; empty where each can."""
    for name, inner in schema.get("properties", {}).items():
        try:
            _create({**schema, "properties": {name: inner}})
        except Exception:
            return f"properties.{name}: "
    return ""


def _said(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    if isinstance(error, SchemaError):  # pydantic-core says first where it was, and last what it met
        return lines[-1].strip()
    known = isinstance(error, PydanticUserError) or type(error).__module__.startswith("json_schema_to_pydantic")
    return lines[0] if known else f"{type(error).__name__}: {lines[0]}"


class _Reading:
    """A copy of a JSON Schema in which everything is said the way that json_schema_to_pydantic heeds.

    Dicts, and items that carry rules, are places with a type of ours, each under a reference of its own.
    """

    def __init__(self, root: Mapping[str, Any], source: str) -> None:
        self._root, self._source = root, source
        self._places: list[tuple[bool, dict[str, Any]]] = []

    def types(self, root: Mapping[str, Any]) -> dict[str, Any]:
        """The type of every such reference; inner places were registered before those that hold them."""
        made: dict[str, Any] = {}
        definitions = {key: root[key] for key in _DEFINITIONS if key in root}
        for number, (is_dict, schema) in enumerate(self._places, start=1):
            wrapped = {"type": "object", "properties": {"value": schema}, "required": ["value"], **definitions}
            field = _create(wrapped, made).model_fields["value"]
            extra = _extra(field.json_schema_extra)
            rules = rules_of_json(extra[EXTRA_KEY]) if EXTRA_KEY in extra else ()
            marks = (*field.metadata, *rules)
            value = Annotated[(field.annotation, *marks)] if marks else field.annotation
            made[f"{_PREFIX}{number}"] = dict[str, value] if is_dict else value  # type: ignore[valid-type]
        return made

    def _refer(self, schema: dict[str, Any], *, is_dict: bool) -> dict[str, Any]:
        self._places.append((is_dict, schema))
        return {"$ref": f"{_PREFIX}{len(self._places)}"}

    def schema(self, given: Any, place: str, *, is_property: bool = False) -> dict[str, Any]:
        """The copy of one schema; `place` is its path from the top, of keywords and names.

        Raises:
            UsageError: it is not a schema, or a rule is in a place where it has no effect.
        """
        if given is True:
            return {}
        if not isinstance(given, Mapping):
            raise self._error(place, f"a schema must be an object, got {given!r}")
        self._check(given, place)
        if EXTRA_KEY in given and not is_property:
            hint = "write a rule for this place in compare=, as compare={'tags[]': …} for the items of `tags`"
            raise self._error(place, f"{EXTRA_KEY} belongs on a property, and would have no effect here; {hint}")
        is_dict = "properties" not in given
        return self._plain({key: self._inner(key, value, f"{place}.{key}", is_dict) for key, value in given.items()})

    def _inner(self, key: str, value: Any, place: str, is_dict: bool) -> Any:
        if key == "properties" and (taken := next((name for name in value if name in _TAKEN), None)) is not None:
            raise self._error(f"{place}.{taken}", "a field cannot have this name: pydantic uses it itself")
        if key in ("properties", *_DEFINITIONS):
            is_property = key == "properties"
            inside = {name: self.schema(v, f"{place}.{name}", is_property=is_property) for name, v in value.items()}
            # The model of a definition is named like it, wherever it is referred to.
            titled = {name: {"title": name, **inner} for name, inner in inside.items() if "properties" in inner}
            return inside if is_property else {**inside, **titled}
        if key in _CHOICES:
            return [self.schema(choice, f"{place}[{number}]") for number, choice in enumerate(value)]
        if key == "items" or (key == "additionalProperties" and not isinstance(value, bool)):
            inner = self.schema(value, place, is_property=key == "items" or is_dict)
            return self._refer(inner, is_dict=False) if key == "items" and EXTRA_KEY in inner else inner
        return value

    def _check(self, given: Mapping[str, Any], place: str) -> None:
        for key, (kind, words) in _KINDS.items():
            if key in given and not isinstance(given[key], kind):
                raise self._error(f"{place}.{key}", f"must be {words}, got {given[key]!r}")
        types = given.get("type", ())
        for name in [types] if isinstance(types, str) else types:
            if name not in _TYPES:
                raise self._error(f"{place}.type", f"no type {name!r}.{did_you_mean(str(name), _TYPES)}")
        if given.get("$ref") == "#":
            raise self._error(place, "a schema that contains itself must be in $defs, where every $ref can name it")

    def _plain(self, node: dict[str, Any]) -> dict[str, Any]:
        """With its type said, one alternative for each, and unique items only where those can be told apart.

        An object whose keys may have any name becomes a dict.
        """
        others = node.get("additionalProperties", True)
        if others is False and "properties" in node:
            node[_CLOSED] = True
        elif (
            isinstance(others, dict) and others and "properties" not in node and node.get("type", "object") == "object"
        ):
            said = {key: value for key, value in node.items() if key in _SAID_OF_ANY}
            return {**said, **self._refer(others, is_dict=True)}
        types = node.get("type", "object" if "properties" in node else "array" if "items" in node else None)
        if "uniqueItems" in node and not self._is_scalar(node.get("items")):
            del node["uniqueItems"]
        if not isinstance(types, list) or not node.keys() & {"properties", "items"} or node.keys() & _CHOICES:
            return node if types is None else {**node, "type": types}
        shape = {key: value for key, value in node.items() if key in _SHAPE}
        rest = {key: value for key, value in node.items() if key not in _SHAPE and key != "type"}
        return {**rest, "anyOf": [{**_of_type(shape, name), "type": name} for name in types]}

    def _is_scalar(self, items: Any) -> bool:
        """Whether items are strings, numbers or the like; those that a reference leads to are looked up."""
        for _ in range(_MOST_REFERENCES):
            if not isinstance(items, Mapping) or "$ref" not in items:
                break
            items = self._referred(items["$ref"])
        return isinstance(items, Mapping) and (items.get("type") in _SCALARS or "enum" in items)

    def _referred(self, reference: str) -> Any:
        target: Any = self._root
        for part in reference.split("/")[1:]:
            target = target.get(part) if isinstance(target, Mapping) else None
        return target

    def _error(self, place: str, problem: str) -> UsageError:
        return UsageError(self._source, f"{place.lstrip('.') or 'the top level'}: {problem}")


def _of_type(shape: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "object":
        return {key: value for key, value in shape.items() if key not in ("items", "uniqueItems")}
    return {key: value for key, value in shape.items() if key in ("items", "uniqueItems")} if name == "array" else {}


def _finish(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> None:
    """Let a model and those within it allow null where JSON Schema does, and no key that it forbids.

    What is not required may be null, and what OpenAPI calls `nullable`.
    """
    seen = set() if seen is None else seen
    if model in seen:
        return
    seen.add(model)
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            _finish(inner, seen)
        extra = _extra(field.json_schema_extra)
        extra.pop(_CLOSED, None)
        if extra.pop("nullable", False) is True or not field.is_required():
            field.annotation = typing.Optional[field.annotation]  # type: ignore[assignment]  # noqa: UP045 - of any form
    if _extra(model.model_config.get("json_schema_extra")).pop(_CLOSED, False):
        model.model_config["extra"] = "forbid"
    model.model_rebuild(force=True)


def _extra(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models(argument)
