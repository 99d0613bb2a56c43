"""The readers of gold and of answers: a model's own validation, relaxed field by field, exact to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from pydantic import BaseModel, ValidationInfo
from pydantic_core import PydanticCustomError, SchemaValidator

from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.rules.comparators import ANY_OF_KEY, AnyOf
from pytest_llm_extract.schema.build import build_validator
from pytest_llm_extract.schema.core_schema import FUNCTIONS, Definitions, is_dict, is_json_of, is_list, rebuild


class _Missing:
    """Stands for a field that the JSON did not have."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Unreadable:
    """A value of the wrong type in an answer that parsed: wrong, whatever gold says."""

    value: Any


class Readers:
    """The readers of a core schema: `answers` as the application reads, the others lenient and built when asked for."""

    def __init__(self, core: Any, answers: SchemaValidator) -> None:
        self._core, self.answers = core, answers

    @cached_property
    def gold(self) -> SchemaValidator:
        """No field is required, any value may be null, model-level validators do not run, unknown fields are errors."""
        return _Relaxed(self._core, None, None, is_gold=True).validator

    @cached_property
    def alternatives(self) -> SchemaValidator:
        """As `gold`; a leaf may be an `AnyOf`, or say so as `{"$any_of": [...]}`."""
        return _Relaxed(self._core, partial(_around, _alternatives), partial(_around, _single), is_gold=True).validator

    @cached_property
    def salvage(self) -> SchemaValidator:
        """No field is required, model-level validators do not run, what does not fit is kept aside.

        A list or a dict that fails a constraint or a validator keeps what it holds.
        """
        return _Relaxed(self._core, _or_unreadable, _or_null, is_gold=False).validator


_WRITTEN: ContextVar[Mapping[Decimal, Decimal]] = ContextVar("written")


def exact_readers(core: Any) -> Readers:
    """Readers to use within `reading_as`."""
    exact = rebuild(core, _as_written)
    return Readers(exact, build_validator(exact))


@contextmanager
def reading_as(written: Mapping[Decimal, Decimal]) -> Iterator[None]:
    """What `exact_readers` read as a Decimal is replaced by what was written for it."""
    token = _WRITTEN.set(written)
    try:
        yield
    finally:
        _WRITTEN.reset(token)


def _as_written(core: Mapping[str, Any], copy: dict[str, Any]) -> Any:
    if core["type"] != "decimal":
        return copy
    function = {"type": "no-info", "function": lambda read: _WRITTEN.get().get(read, read)}
    return {"type": "function-after", "function": function, **_ref_of(copy), "schema": copy}


def _ref_of(core: dict[str, Any]) -> dict[str, Any]:
    """The reference by which other parts name a schema, taken out of it."""
    return {"ref": core.pop("ref")} if "ref" in core else {}


def has_alternatives(gold: Any) -> bool:
    """Whether gold holds an `AnyOf` anywhere."""
    if isinstance(gold, AnyOf):
        return True
    if isinstance(gold, Mapping):
        return ANY_OF_KEY in gold or any(map(has_alternatives, gold.values()))
    return isinstance(gold, list | tuple) and any(map(has_alternatives, gold))


Wrap = Callable[[dict[str, Any]], dict[str, Any]]


class _Relaxed:
    """A copy of a core schema in which no field is required and model-level validators do not run.

    `leaf` and `container` wrap the schema of every leaf and every container. In gold unknown fields are errors.
    """

    def __init__(self, core: Any, leaf: Wrap | None, container: Wrap | None, *, is_gold: bool) -> None:
        self._definitions, self._leaf, self._container, self._is_gold = Definitions(core), leaf, container, is_gold
        relaxed, root = rebuild(core, self._relax), self._definitions.resolve(core)
        title = root["cls"].__name__ if root["type"] == "model" else None
        self.validator = build_validator(self._wrapped(relaxed, core) if is_gold else relaxed, title)

    def _relax(self, core: Mapping[str, Any], copy: dict[str, Any]) -> Any:
        if core["type"] in FUNCTIONS and self._definitions.resolve(core)["type"] == "model":
            return {**copy["schema"], **_ref_of(copy)}
        if core["type"] in FUNCTIONS or core["type"] == "function-plain":
            copy["function"] = _among_known_fields(core["function"])
        if core["type"] == "model-fields":
            self._loosen(copy)
        if core["type"] in ("dataclass-args", "typed-dict") and self._is_gold:
            copy["extra_behavior"] = "allow" if core.get("extra_behavior") == "allow" else "forbid"
        if core["type"] == "model" and "post_init" in copy:
            return _initialised(copy, copy.pop("post_init"))
        for key in ("items_schema", "values_schema"):
            if isinstance(core.get(key), dict) and (key == "items_schema" or is_dict(core)):
                copy[key] = self._item(copy[key], core[key])
            elif key in core and is_list(core):
                copy[key] = [self._item(copy[key][0], core[key][0]), *copy[key][1:]]
        if not self._is_gold and (is_list(core) or core["type"] == "dict"):
            for constraint in ("min_length", "max_length"):
                copy.pop(constraint, None)
        if is_json_of(core) and self._is_gold:
            return {"type": "function-before", "function": {"type": "no-info", "function": _json_text}, "schema": copy}
        return copy

    def _item(self, copy: dict[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
        wrapped = self._wrapped(copy, original)
        return _nullable(wrapped) if self._is_gold else wrapped

    def _loosen(self, fields: dict[str, Any]) -> None:
        fields["extra_behavior"] = (fields.get("extra_behavior") or "forbid") if self._is_gold else "ignore"
        for name, field in fields["fields"].items():
            inner = self._wrapped(field["schema"], field["schema"])
            if self._is_gold:
                # A default of the schema is not a label of gold. Null is one: the document does not have it.
                inner = _nullable(inner["schema"] if inner["type"] == "default" else inner)
            if inner["type"] != "default":
                inner = {"type": "default", "schema": inner, "default": MISSING, "validate_default": False}
            elif inner.get("default_factory_takes_data"):
                made = partial(_made, inner["default_factory"])
                inner = {**inner, "default_factory": made, "validate_default": False}
            fields["fields"][name] = {**field, "schema": inner}

    def _wrapped(self, copy: dict[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
        if copy["type"] in ("default", "definitions"):
            return {**copy, "schema": self._wrapped(copy["schema"], original)}
        wrap = self._container if self._definitions.is_container(original) else self._leaf
        return copy if wrap is None else wrap(copy)


LACKING = (AttributeError, KeyError, TypeError)  # how code fails that needs a field which is not there


class _Info:
    """What pydantic gives a validator, whose `data` lacks the fields that the JSON does not have or that do not fit."""

    def __init__(self, info: ValidationInfo) -> None:
        self._info, self.data = info, _known(info.data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._info, name)


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not isinstance(value, _Missing | Unreadable | AnyOf)}


def _among_known_fields(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """A validator that looks at other fields sees those that are known, and says nothing where it needs another."""
    if function["type"] != "with-info":
        return function
    validator = function["function"]

    def validate(value: Any, *arguments: Any) -> Any:
        *handler, info = arguments
        if info.data is None:  # not within a model
            return validator(value, *arguments)
        try:
            return validator(value, *handler, _Info(info))
        except LACKING:
            return handler[0](value) if handler else value

    return {**function, "function": validate}


def _initialised(model: dict[str, Any], post_init: str) -> dict[str, Any]:
    """A model whose own initialisation may fail for lack of a field, and labels nothing."""

    def finish(instance: Any, info: ValidationInfo) -> Any:
        given = instance.model_fields_set.copy()
        with suppress(*LACKING):
            getattr(instance, post_init)(info.context)
        object.__setattr__(instance, "__pydantic_fields_set__", given)
        return instance

    function = {"type": "with-info", "function": finish}
    return {"type": "function-after", "function": function, **_ref_of(model), "schema": model}


def _made(factory: Callable[[dict[str, Any]], Any], data: dict[str, Any]) -> Any:
    """A default that is made of other fields; missing where it cannot be made."""
    try:
        return factory(_known(data))
    except LACKING:
        return MISSING


def _json_text(value: Any) -> Any:
    """What gold gives for a `Json[T]` as JSON text: the text itself, or the object that it stands for."""
    return value if isinstance(value, str | bytes) else json.dumps(value, default=_jsonable)


def _jsonable(value: Any) -> Any:
    if isinstance(value, AnyOf):
        return {ANY_OF_KEY: value.values}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True, round_trip=True)
    return as_json(value)


def _or_unreadable(leaf: dict[str, Any]) -> dict[str, Any]:
    return {"type": "nullable", "schema": _or_else(leaf, Unreadable)}


def _or_null(container: dict[str, Any]) -> dict[str, Any]:
    bare = _without_functions(container)
    return _or_else(container, lambda value: None, *(() if bare is container else (bare,)))


def _without_functions(container: dict[str, Any]) -> dict[str, Any]:
    """A container's schema without the validators around it; itself, if there are none."""
    if container["type"] in FUNCTIONS:
        return _without_functions(container["schema"])
    if container["type"] not in ("nullable", "default"):
        return container
    inner = _without_functions(container["schema"])
    return container if inner is container["schema"] else {**container, "schema": inner}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return schema if schema["type"] == "nullable" else {"type": "nullable", "schema": schema}


def _or_else(schema: dict[str, Any], otherwise: Callable[[Any], Any], *second: dict[str, Any]) -> dict[str, Any]:
    # No function around the schema: it would be given Python's value, which strict types do not take for JSON's.
    fallback = {"type": "function-plain", "function": {"type": "no-info", "function": otherwise}}
    return {"type": "union", "mode": "left_to_right", "choices": [schema, *second, fallback]}


def _around(function: Callable[..., Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A function around a schema, to which it hands what came as JSON as JSON text: its values are not Python's."""
    inner = {"type": "json-or-python", "json_schema": {"type": "json", "schema": schema}, "python_schema": schema}
    return {"type": "function-wrap", "function": {"type": "with-info", "function": function}, "schema": inner}


_PLACE = "$any_of lists the right answers of one value, not of a list or an object; use it on the values within"


def _single(value: Any, validate: Callable[[Any], Any], info: ValidationInfo) -> Any:
    if isinstance(value, AnyOf) or (isinstance(value, Mapping) and value.keys() == {ANY_OF_KEY}):
        raise PydanticCustomError("any_of_place", _PLACE)
    return validate(json.dumps(value) if info.mode == "json" else value)


def _alternatives(value: Any, validate: Callable[[Any], Any], info: ValidationInfo) -> Any:
    def read(one: Any) -> Any:
        return validate(json.dumps(one) if info.mode == "json" else one)

    if isinstance(value, Mapping) and value.keys() == {ANY_OF_KEY}:
        listed = value[ANY_OF_KEY]
        if not isinstance(listed, list) or not listed:
            raise ValueError(f"{ANY_OF_KEY} must be a list of the accepted values, got {listed!r}")
        value = AnyOf(*listed)
    if isinstance(value, AnyOf):
        return AnyOf(*(None if found is None else read(found) for found in value.values))
    return read(value)
