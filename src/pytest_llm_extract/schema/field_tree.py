"""The tree of a schema: models, lists and unions down to the leaves, each with the rules that it is compared by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo

from pytest_llm_extract.rules.comparators import Align, Comparison, Null, Ordered, Rule


@dataclass(eq=False)
class Node:
    """Any place in the schema. `optional`: null, absent, "" and {} mean the same here."""

    path: str
    optional: bool = False


@dataclass(eq=False)
class LeafNode(Node):
    """One scored value; `rule` says when two are equal (None: the default of their type)."""

    rule: Rule | Comparison | None = None
    null: Null | None = None


@dataclass(eq=False)
class ModelNode(Node):
    """A pydantic model; a RootModel has the one field `root`. Ignored fields are not here."""

    cls: type[BaseModel] = BaseModel
    fields: dict[str, Node] = field(default_factory=dict)


@dataclass(eq=False)
class ListNode(Node):
    """A list; `keyed`: a dict whose keys align its values.

    `shares_path`: in another member of a union, a leaf has the path that its rows would have.
    """

    items: Node = field(default_factory=lambda: LeafNode(""))
    keyed: bool = False
    pairing: Align | Ordered | None = None
    shares_path: bool = False

    @property
    def row_path(self) -> str | None:
        """The path of its rows; None for a list of scalars, whose items are leaves."""
        if isinstance(self.items, LeafNode):
            return None
        return f"{self.path}{'{}' if self.keyed else '[]'}{'.<row>' if self.shares_path else ''}"


@dataclass(eq=False)
class UnionNode(Node):
    """One of several models, RootModels among them; its own leaf `<path>.<type>` says which.

    `is_tagged`: a value itself says which.
    """

    members: dict[type[BaseModel], ModelNode] = field(default_factory=dict)
    is_tagged: bool = False

    @property
    def type_path(self) -> str:
        """The leaf that says which member it is."""
        return f"{self.path}.<type>" if self.path else "<type>"

    @property
    def names(self) -> dict[type[BaseModel], str]:
        """What that leaf says: the member's name, with a number in the schema's order where several share it."""
        by_name: dict[str, list[type[BaseModel]]] = {}
        for cls in self.members:
            by_name.setdefault(cls.__name__, []).append(cls)
        return {
            cls: name if len(same) == 1 else f"{name} {number}"
            for name, same in by_name.items()
            for number, cls in enumerate(same, start=1)
        }


def field_paths(node: Node, seen: tuple[Node, ...] = ()) -> Iterator[tuple[str, bool]]:
    """The paths that are scored below a node, and whether each is of a list's rows (`items[]`) instead of a leaf.

    They are in the schema's order, rows before their leaves; a recursive model is entered once.
    """
    if node in seen:
        return
    seen = (*seen, node)
    match node:
        case ModelNode():
            for child in node.fields.values():
                yield from field_paths(child, seen)
        case ListNode():
            if node.row_path is not None:
                yield node.row_path, True
            yield from field_paths(node.items, seen)
        case UnionNode():
            yield node.type_path, False
            for member in node.members.values():
                yield from field_paths(member, seen)
        case _:
            yield node.path, False


def leaf_paths(node: Node) -> Iterator[str]:
    """The paths of the leaves below a node, in the schema's order."""
    return (path for path, is_row in field_paths(node) if not is_row)


def row_paths(node: Node) -> Iterator[str]:
    """The paths of the rows below a node, in the schema's order."""
    return (path for path, is_row in field_paths(node) if is_row)


def models(node: Node) -> Iterator[type[BaseModel]]:
    """The model that a schema is, or holds, at its top."""
    match node:
        case ModelNode():
            yield node.cls
        case ListNode():
            yield from models(node.items)
        case UnionNode():
            yield from node.members


def top_names(node: Node) -> set[str]:
    """The names that the fields at the top of a schema may have in JSON, aliases included."""
    match node:
        case ModelNode():
            return {name for field in node.fields for name in _names(field, node.cls.model_fields[field])}
        case UnionNode():
            return set().union(*map(top_names, node.members.values()))
        case _:
            return set()


def _names(name: str, info: FieldInfo) -> Iterator[str]:
    yield name
    given = info.validation_alias
    for alias in given.choices if isinstance(given, AliasChoices) else (given, info.alias):
        first = alias.path[0] if isinstance(alias, AliasPath) else alias
        if isinstance(first, str):
            yield first


def flat_leaves(node: Node, prefix: tuple[str, ...] = (), seen: tuple[Node, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The field names that lead to each leaf below a model without passing a list, a union or itself."""
    if isinstance(node, ModelNode) and node not in seen:
        for name, child in node.fields.items():
            if isinstance(child, LeafNode):
                yield (*prefix, name)
            else:
                yield from flat_leaves(child, (*prefix, name), (*seen, node))
