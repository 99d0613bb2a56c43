"""What gold says that its schema does not know, in words that name the nearest field."""

from __future__ import annotations

from collections.abc import Iterable

import pydantic
from pydantic_core import ErrorDetails

from pytest_llm_extract.errors import did_you_mean, nearest
from pytest_llm_extract.schema.field_tree import ListNode, ModelNode, Node, UnionNode
from pytest_llm_extract.schema.schema import Schema


def one_for_each_field(errors: Iterable[ErrorDetails], schema: Schema) -> Iterable[ErrorDetails]:
    """The first fault of each field: each type that a union allows has its own."""
    first: dict[tuple[int | str, ...], ErrorDetails] = {}
    for error in errors:
        loc = _to_field(error["loc"], schema)
        first.setdefault(loc, {**error, "loc": loc})
    return first.values()


def _to_field(loc: tuple[int | str, ...], schema: Schema) -> tuple[int | str, ...]:
    """The part of a location that leads to a field. Behind it, pydantic names the types that it tried."""
    node: Node | None = schema.root
    for n, part in enumerate(loc):
        if not isinstance(node, ModelNode | ListNode):
            return loc[:n]
        if (node := _follow(node, [part])) is None:  # an alias, or a name that the schema does not have
            return loc
    return loc


def describe(error: ErrorDetails, schema: Schema) -> str:
    """What is wrong with some gold, and where, below `expected`."""
    place = ".".join(map(str, error["loc"]))
    where = f"expected.{place}" if place else "expected"
    what = unknown_key(error["loc"], schema) if error["type"] == "extra_forbidden" else error["msg"]
    return f"{where}: {what}"


def unknown_key(loc: tuple[int | str, ...], schema: Schema) -> str:
    """Why a key is not one of the schema's fields, with the nearest of those."""
    *parents, name = loc
    model = _follow(schema.root, parents)
    if (path := _fields(model).get(str(name))) is not None:
        return f"the field {path!r} is given twice, by its name and by its alias; use one"
    if is_computed(loc, schema):
        return "a computed field is not scored: label the fields that it is made of, and leave it out"
    place = ".".join(map(str, loc))
    return f"the schema has no field {place!r}.{_nearest(loc, schema)}"


def is_computed(loc: tuple[int | str, ...], schema: Schema) -> bool:
    """Whether a key is a field that its model makes of others."""
    *parents, name = loc
    model = _follow(schema.root, parents)
    return isinstance(model, ModelNode) and name in model.cls.model_computed_fields


def _nearest(loc: tuple[int | str, ...], schema: Schema) -> str:
    """A hint: a field beside the unknown one, else the nearest path of all, else one that ends in this name."""
    *parents, name = loc
    beside = _fields(_follow(schema.root, parents))
    if near := nearest(str(name), beside):
        return f" Did you mean {beside[near]!r}?"
    if hint := did_you_mean(".".join(map(str, loc)), schema.paths):
        return hint
    return did_you_mean(str(name), [path for path in schema.paths if path.endswith((f".{name}", f"[].{name}"))], 0)


def _follow(node: Node | None, parts: Iterable[int | str]) -> Node | None:
    """The node at a location of a pydantic error; None if the schema has no such place."""
    for part in parts:
        node = _inner(node)
        if isinstance(node, ModelNode):
            node = node.fields.get(str(part))
        elif isinstance(node, ListNode):
            node = node.items
        elif isinstance(node, UnionNode):
            node = next((member for cls, member in node.members.items() if cls.__name__ == part), None)
    return _inner(node)


def _inner(node: Node | None) -> Node | None:
    while isinstance(node, ModelNode) and "root" in node.fields and issubclass(node.cls, pydantic.RootModel):
        node = node.fields["root"]
    return node


def _fields(node: Node | None) -> dict[str, str]:
    """Names and aliases of the fields right below a model, with their paths."""
    if not isinstance(node, ModelNode):
        return {}
    aliases = {node.cls.model_fields[name].alias: child.path for name, child in node.fields.items()}
    named = {name: child.path for name, child in node.fields.items()}
    return {**{alias: path for alias, path in aliases.items() if alias}, **named}
