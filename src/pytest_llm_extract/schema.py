"""A pydantic type as the tree of its leaves, and the lenient readers of gold and of broken answers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from pytest_llm_extract.errors import UsageError

_OPAQUE = frozenset({"metadata", "serialization", "default", "default_factory", "expected", "function", "cls"})
_FUNCTIONS = frozenset({"function-before", "function-after", "function-wrap"})
_LISTS = frozenset({"list", "set", "frozenset", "generator"})
_LONG_NUMBER = re.compile(r"\d[\d.]{15,}")


class _Missing:
    """Stands for a field that the JSON did not have."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Unreadable:
    """A value of the wrong type in an answer that parsed: wrong, whatever gold says."""

    value: Any


@dataclass(eq=False)
class Node:
    """Any place in the schema. `optional`: null, absent, "" and {} mean the same here."""

    path: str
    optional: bool = False


@dataclass(eq=False)
class LeafNode(Node):
    """One scored value."""


@dataclass(eq=False)
class ModelNode(Node):
    """A pydantic model; `root` is set for a RootModel."""

    cls: type[BaseModel] = BaseModel
    fields: dict[str, Node] = field(default_factory=dict)


@dataclass(eq=False)
class ListNode(Node):
    """A list; `keyed`: a dict whose keys align its values."""

    items: Node = field(default_factory=lambda: LeafNode(""))
    keyed: bool = False


@dataclass(eq=False)
class UnionNode(Node):
    """One of several models; its own leaf `<path>.<type>` says which."""

    members: dict[type[BaseModel], ModelNode] = field(default_factory=dict)

    @property
    def type_path(self) -> str:
        """The leaf that says which member it is."""
        return f"{self.path}.<type>" if self.path else "<type>"


class Schema:
    """The type under test."""

    def __init__(self, adapter: TypeAdapter[Any], root: Node, name: str) -> None:
        self.adapter, self.root, self.name = adapter, root, name
        self.paths = tuple(dict.fromkeys(leaf_paths(root)))

    @classmethod
    def of(cls, tp: Any, source: str) -> Schema:
        """Read a type.

        Raises:
            UsageError: it is no pydantic model, nor a list, dict or union of them.
        """
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(tp)
            core = adapter.core_schema
        except (PydanticUserError, TypeError) as error:
            raise UsageError(source, f"the schema cannot be read: {str(error).splitlines()[0]}") from None
        root = _Builder(core).build(core, "")
        models = list(_models(root))
        if not models:
            raise UsageError(source, f"the schema is a pydantic model (or a list of one), not {tp!r}; give schema=")
        return cls(adapter, root, re.sub(r"[^A-Za-z0-9_-]+", "_", models[0].__name__)[:64])

    @cached_property
    def scoring_fingerprint(self) -> str:
        """A short hash of what is scored."""
        return hashlib.sha256("\n".join(self.paths).encode()).hexdigest()[:16]

    def dump(self, value: Any) -> str:
        """A typed answer as JSON text, as `read_json` takes it."""
        return json.dumps(self.adapter.dump_python(value, mode="json", by_alias=True, warnings=False))

    def read_gold(self, expected: Any) -> Any:
        """Gold as typed values: labelled are the fields that were given; model-level validators do not run.

        Raises:
            pydantic.ValidationError: it does not fit the schema.
        """
        try:
            text = json.dumps(expected)
        except (TypeError, ValueError):
            return self._gold.validate_python(expected, by_alias=True, by_name=True)
        return self._gold.validate_json(text, by_alias=True, by_name=True)

    def read_json(self, text: str | bytes) -> Any:
        """An answer as the application gets it.

        Raises:
            pydantic.ValidationError: it does not validate.
        """
        if self._has_decimal and (exact := _exact(text)) is not None:
            return self.adapter.validate_python(exact, by_alias=True, by_name=True)
        return self.adapter.validate_json(text, by_alias=True, by_name=True)

    def salvage(self, value: Any) -> Any:
        """What can be read of an answer that does not validate, field by field.

        Leaves of the wrong type are `Unreadable`, containers of the wrong type None.
        """
        return self._salvager.validate_python(value, by_alias=True, by_name=True)

    @cached_property
    def _gold(self) -> SchemaValidator:
        return _Relaxed(self.adapter.core_schema, catch=False).validator

    @cached_property
    def _salvager(self) -> SchemaValidator:
        return _Relaxed(self.adapter.core_schema, catch=True).validator

    @cached_property
    def _has_decimal(self) -> bool:
        return "'type': 'decimal'" in repr(self.adapter.core_schema)


def _exact(text: str | bytes) -> Any:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if not _LONG_NUMBER.search(decoded):
        return None
    try:
        # A JSON number with more digits than a float has must not pass through one on its way to Decimal.
        return json.loads(decoded, parse_float=Decimal)
    except ValueError:
        return None


def leaf_paths(node: Node, seen: tuple[Node, ...] = ()) -> Iterator[str]:
    """The field paths below a node, in the schema's order; a recursive model is entered once."""
    if node in seen:
        return
    seen = (*seen, node)
    match node:
        case ModelNode():
            for child in node.fields.values():
                yield from leaf_paths(child, seen)
        case ListNode():
            yield from leaf_paths(node.items, seen)
        case UnionNode():
            yield node.type_path
            for member in node.members.values():
                yield from leaf_paths(member, seen)
        case _:
            yield node.path


def _models(node: Node) -> Iterator[type[BaseModel]]:
    match node:
        case ModelNode():
            yield node.cls
        case ListNode():
            yield from _models(node.items)
        case UnionNode():
            yield from node.members


class _Definitions:
    """Where a core schema's references lead."""

    def __init__(self, core: Mapping[str, Any]) -> None:
        self._found = {d["ref"]: d for d in core.get("definitions", ())}

    def resolve(self, core: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema without the wrappers that name, default or post-process it."""
        while True:
            kind = core["type"]
            if kind == "definitions":
                core = core["schema"]
            elif kind == "definition-ref":
                core = self._found[core["schema_ref"]]
            elif kind in _FUNCTIONS or kind in ("default", "nullable"):
                core = core["schema"]
            else:
                return core

    def is_container(self, core: Mapping[str, Any]) -> bool:
        """Whether it holds leaves instead of being one."""
        core = self.resolve(core)
        if core["type"] in ("union", "tagged-union"):
            return any(self.is_container(choice) for choice in union_choices(core))
        return core["type"] in ("model", "dict") or core["type"] in _LISTS


def union_choices(core: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The members of a union, labels dropped."""
    choices = core["choices"]
    listed = choices.values() if isinstance(choices, Mapping) else choices
    return [choice[0] if isinstance(choice, tuple) else choice for choice in listed]


class _Builder:
    """Core schema → nodes."""

    def __init__(self, core: Mapping[str, Any]) -> None:
        self._definitions = _Definitions(core)
        self._open: dict[type[BaseModel], ModelNode] = {}

    def build(self, core: Mapping[str, Any], path: str) -> Node:
        optional = self._is_optional(core)
        core = self._definitions.resolve(core)
        kind = core["type"]
        if kind == "model":
            return self._model(core, path, optional)
        if kind in _LISTS or (kind == "tuple" and core.get("variadic_item_index") == 0):
            items = core.get("items_schema") or {"type": "any"}
            items = items[0] if isinstance(items, list) else items
            return ListNode(path, True, self.build(items, f"{path}[]"))
        if kind == "dict" and core.get("values_schema", {"type": "any"})["type"] != "any":
            return ListNode(path, True, self.build(core["values_schema"], f"{path}{{}}"), keyed=True)
        if kind in ("union", "tagged-union"):
            return self._union(core, path, optional)
        return LeafNode(path, optional)

    def _is_optional(self, core: Mapping[str, Any]) -> bool:
        while core["type"] in _FUNCTIONS or core["type"] == "definitions":
            core = core["schema"]
        return core["type"] in ("default", "nullable")

    def _model(self, core: Mapping[str, Any], path: str, optional: bool) -> Node:
        cls = core["cls"]
        if core.get("root_model"):
            return ModelNode(path, optional, cls, {"root": self.build(core["schema"], path)})
        if cls in self._open:
            return self._open[cls]
        node = self._open[cls] = ModelNode(path, optional, cls)
        inner = self._definitions.resolve(core["schema"])
        for name, found in inner["fields"].items():
            node.fields[name] = self.build(found["schema"], f"{path}.{name}" if path else name)
        del self._open[cls]
        return node

    def _union(self, core: Mapping[str, Any], path: str, optional: bool) -> Node:
        choices = [self._definitions.resolve(choice) for choice in union_choices(core)]
        models = [choice for choice in choices if choice["type"] == "model" and not choice.get("root_model")]
        others = [choice for choice in choices if choice["type"] not in ("model", "none")]
        optional = optional or any(choice["type"] == "none" for choice in choices)
        if others or not models:
            return LeafNode(path, optional)
        members = {choice["cls"]: self._model(choice, path, optional) for choice in models}
        if len(members) == 1:
            return next(iter(members.values()))
        return UnionNode(path, optional, {c: m for c, m in members.items() if isinstance(m, ModelNode)})


class _Relaxed:
    """A copy of a core schema in which no field is required and model-level validators do not run.

    For gold, unknown fields are errors; with `catch`, values that do not fit are kept aside instead.
    """

    def __init__(self, core: Any, *, catch: bool) -> None:
        self._definitions, self._catch = _Definitions(core), catch
        # Prebuilt validators are those of the classes, in which nothing is relaxed.
        self.validator = SchemaValidator(self._relax(core), _use_prebuilt=False)

    def _relax(self, core: Any) -> Any:
        if isinstance(core, list):
            return [self._relax(item) for item in core]
        if isinstance(core, tuple):
            return tuple(self._relax(item) for item in core)
        if not isinstance(core, dict):
            return core
        copy = {key: value if key in _OPAQUE else self._relax(value) for key, value in core.items()}
        if core.get("type") in _FUNCTIONS and self._definitions.resolve(core)["type"] == "model":
            return self._without_validator(copy)
        if core.get("type") == "model-fields":
            self._loosen(copy)
        for key in ("items_schema", "values_schema"):
            if self._catch and isinstance(core.get(key), dict):
                copy[key] = self._caught(copy[key], core[key])
        return copy

    def _without_validator(self, copy: dict[str, Any]) -> Any:
        inner = copy["schema"]
        return {**inner, "ref": copy["ref"]} if "ref" in copy else inner

    def _loosen(self, fields: dict[str, Any]) -> None:
        fields["extra_behavior"] = "ignore" if self._catch else fields.get("extra_behavior") or "forbid"
        for name, found in fields["fields"].items():
            inner = found["schema"]
            if self._catch:
                inner = self._caught(inner, inner)
            if inner["type"] != "default":
                inner = {"type": "default", "schema": inner, "default": MISSING}
            fields["fields"][name] = {**found, "schema": inner}

    def _caught(self, copy: dict[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
        if copy["type"] == "default":
            return {**copy, "schema": self._caught(copy["schema"], original)}
        catch = _null_container if self._definitions.is_container(original) else _unreadable_leaf
        return {"type": "function-wrap", "function": {"type": "no-info", "function": catch}, "schema": copy}


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


def strict_json_schema(tp: Any) -> dict[str, Any]:
    """The type's JSON Schema as strict structured output takes it: every property required, no others allowed.

    Raises:
        UsageError: its top level is no object.
    """
    found: dict[str, Any] = _strict(TypeAdapter(tp).json_schema(by_alias=True))
    if "$ref" in found:
        found |= found["$defs"][found.pop("$ref").rsplit("/", 1)[1]]
    if found.get("type") != "object":
        raise UsageError("response_format json_schema", "the schema's top level is an object; wrap the list in a model")
    return found


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: _strict(value) for key, value in schema.items() if key != "default"}
    if isinstance(copy.get("properties"), dict):
        copy["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        copy |= {"additionalProperties": False, "required": list(copy["properties"])}
    return {"$ref": copy["$ref"]} if "$ref" in copy and "$defs" not in copy else copy
