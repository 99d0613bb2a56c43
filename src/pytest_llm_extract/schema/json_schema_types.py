"""What json_schema_to_pydantic leaves out of a JSON Schema, added to what it makes: dicts, null, closed objects."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel

from pytest_llm_extract.rules.comparators import EXTRA_KEY, rules_of_json

CLOSED = "x-llm-extract-closed"  # marks an object that allows no further key, until its model is made
_PREFIX = "#/x-llm-extract-types/"


class Types:
    """Types that replace places in a schema, each under a reference of its own.

    `create` makes the model of a whole schema; it gets the types that are known by then.
    """

    def __init__(self, create: Callable[[Mapping[str, Any], dict[str, Any]], type[BaseModel]]) -> None:
        self._create = create
        self._places: list[tuple[bool, dict[str, Any]]] = []

    def of_dict(self, values: dict[str, Any]) -> dict[str, Any]:
        """A reference to a dict with values of this schema."""
        return self._refer(True, values)

    def with_rules(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A reference to a type that carries the rules of its schema."""
        return self._refer(False, schema)

    def _refer(self, is_dict: bool, schema: dict[str, Any]) -> dict[str, Any]:
        self._places.append((is_dict, schema))
        return {"$ref": f"{_PREFIX}{len(self._places)}"}

    def made(self, root: Mapping[str, Any]) -> dict[str, Any]:
        """The type of every reference; inner places were registered before those that hold them."""
        made: dict[str, Any] = {}
        definitions = {key: root[key] for key in ("$defs", "definitions") if key in root}
        for number, (is_dict, schema) in enumerate(self._places, start=1):
            wrapped = {"type": "object", "properties": {"value": schema}, "required": ["value"], **definitions}
            field = self._create(wrapped, made).model_fields["value"]
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
            rules = rules_of_json(extra[EXTRA_KEY]) if EXTRA_KEY in extra else ()
            marks = (*field.metadata, *rules)
            value = Annotated[(field.annotation, *marks)] if marks else field.annotation
            made[f"{_PREFIX}{number}"] = dict[str, value] if is_dict else value  # type: ignore[valid-type]
        return made


def finish(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> None:
    """Let a model and those within it allow null where JSON Schema does, and no key that it forbids.

    What is not required may be null, and what OpenAPI calls `nullable`.
    """
    seen = set() if seen is None else seen
    if model in seen:
        return
    seen.add(model)
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            finish(inner, seen)
        extra = _extra(field.json_schema_extra)
        extra.pop(CLOSED, None)
        if extra.pop("nullable", False) is True or not field.is_required():
            field.annotation = typing.Optional[field.annotation]  # type: ignore[assignment]  # noqa: UP045 - of any form
    if _extra(model.model_config.get("json_schema_extra")).pop(CLOSED, False):
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
