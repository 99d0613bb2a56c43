"""The lenient readers of gold and of broken answers: a model's own validation, relaxed field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaSerializer, SchemaValidator

from pytest_llm_extract.definitions import FUNCTIONS, Definitions, rebuild
from pytest_llm_extract.rules import ANY_OF_KEY, AnyOf


class _Missing:
    """Stands for a field that the JSON did not have."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Unreadable:
    """A value of the wrong type in an answer that parsed: wrong, whatever gold says."""

    value: Any


def gold_reader(core: Any) -> SchemaValidator:
    """No field is required, model-level validators do not run, unknown fields are errors."""
    return _Relaxed(core, None, None).validator


def alternatives_reader(core: Any) -> SchemaValidator:
    """As `gold_reader`; a leaf may be an `AnyOf`, or say so as `{"$any_of": [...]}`."""
    return _Relaxed(core, _alternatives, None).validator


def salvager(core: Any) -> SchemaValidator:
    """No field is required, model-level validators do not run, what does not fit is kept aside."""
    return _Relaxed(core, _unreadable_leaf, _null_container).validator


def plain_serializer(core: Any) -> SchemaSerializer:
    """Every field under its own name, without the serializers, aliases and exclusions that a model declares."""
    return SchemaSerializer(rebuild(core, _as_it_is), _use_prebuilt=False)


def _as_it_is(core: Mapping[str, Any], copy: dict[str, Any]) -> Any:
    for name in ("serialization_alias", "serialization_exclude", "serialization_exclude_if"):
        copy.pop(name, None)
    if core["type"] == "model-fields":
        copy["computed_fields"] = []
    if core["type"] == "model" or dict(core.get("serialization") or {}).get("is_field_serializer"):
        copy.pop("serialization", None)
    return copy


def has_alternatives(gold: Any) -> bool:
    """Whether gold holds an `AnyOf` anywhere."""
    if isinstance(gold, AnyOf):
        return True
    if isinstance(gold, Mapping):
        return ANY_OF_KEY in gold or any(map(has_alternatives, gold.values()))
    return isinstance(gold, list | tuple) and any(map(has_alternatives, gold))


Wrap = Callable[[Any, Callable[[Any], Any]], Any]


class _Relaxed:
    """A copy of a core schema in which no field is required and model-level validators do not run.

    `leaf` and `container` wrap the validation of every leaf and every container; without `container`, unknown fields
    are errors.
    """

    def __init__(self, core: Any, leaf: Wrap | None, container: Wrap | None) -> None:
        self._definitions, self._leaf, self._container = Definitions(core), leaf, container
        # Prebuilt validators are those of the classes, in which nothing is relaxed.
        self.validator = SchemaValidator(rebuild(core, self._relax), _use_prebuilt=False)

    def _relax(self, core: Mapping[str, Any], copy: dict[str, Any]) -> Any:
        if core["type"] in FUNCTIONS and self._definitions.resolve(core)["type"] == "model":
            return self._without_validator(copy)
        if core["type"] == "model-fields":
            self._loosen(copy)
        for key in ("items_schema", "values_schema"):
            if isinstance(core.get(key), dict):
                copy[key] = self._wrapped(copy[key], core[key])
        return copy

    def _without_validator(self, copy: dict[str, Any]) -> Any:
        inner = copy["schema"]
        return {**inner, "ref": copy["ref"]} if "ref" in copy else inner

    def _loosen(self, fields: dict[str, Any]) -> None:
        fields["extra_behavior"] = "ignore" if self._container else fields.get("extra_behavior") or "forbid"
        for name, found in fields["fields"].items():
            inner = self._wrapped(found["schema"], found["schema"])
            if self._container is None and inner["type"] == "default":
                inner = inner["schema"]  # a default of the schema is no label of gold
            if inner["type"] != "default":
                inner = {"type": "default", "schema": inner, "default": MISSING}
            fields["fields"][name] = {**found, "schema": inner}

    def _wrapped(self, copy: dict[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
        if copy["type"] == "default":
            return {**copy, "schema": self._wrapped(copy["schema"], original)}
        wrap = self._container if self._definitions.is_container(original) else self._leaf
        if wrap is None:
            return copy
        return {"type": "function-wrap", "function": {"type": "no-info", "function": wrap}, "schema": copy}


def _null_container(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


def _unreadable_leaf(value: Any, validate: Callable[[Any], Any]) -> Any:
    if value is None:
        return None
    try:
        return validate(value)
    except ValidationError:
        return Unreadable(value)


def _alternatives(value: Any, validate: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping) and value.keys() == {ANY_OF_KEY} and value[ANY_OF_KEY]:
        value = AnyOf(*value[ANY_OF_KEY])
    if isinstance(value, AnyOf):
        return AnyOf(*(None if found is None else validate(found) for found in value.values))
    return validate(value)
