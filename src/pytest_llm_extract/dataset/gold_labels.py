"""What gold labels, where its keys are not those of the schema: unknown ones left out, missing ones null."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pydantic
from pydantic import BaseModel

from pytest_llm_extract.schema.field_tree import ListNode, ModelNode, Node, UnionNode
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.schema.union_members import labels_tell


class GoldOptions(NamedTuple):
    """How keys of gold are read that are not those of the schema.

    Args:
        ignore_unknown: keys that the schema does not have are left out instead of being errors.
        absent_is_null: a key that gold leaves out is null; else it is not labelled.
    """

    ignore_unknown: bool = False
    absent_is_null: bool = False


AS_WRITTEN = GoldOptions()


class Labels(NamedTuple):
    """Gold as the schema reads it, the data that it was read from, and the paths of keys that were left out."""

    gold: Any
    data: Any
    unknown: tuple[str, ...] = ()


def read_labels(schema: Schema, data: Any, options: GoldOptions, read: Callable[[Any], Any] | None = None) -> Labels:
    """Read gold; `read` is `Schema.read_gold` where nothing else is given. The data is left as it is.

    Raises:
        pydantic.ValidationError: it does not fit the schema.
    """
    read = read or schema.read_gold
    unknown: tuple[str, ...] = ()
    if options.ignore_unknown:
        data, unknown = _without_unknown(data, read)
    gold = read(data)
    if options.absent_is_null:
        data = _with_nulls(schema.root, gold, data)
        gold = read(data)
    return Labels(gold, data, unknown)


def _without_unknown(data: Any, read: Callable[[Any], Any]) -> tuple[Any, tuple[str, ...]]:
    try:
        read(data)
    except pydantic.ValidationError as error:
        extra = [found["loc"] for found in error.errors(include_url=False) if found["type"] == "extra_forbidden"]
    else:
        return data, ()
    known = copy.deepcopy(data)
    return known, tuple([_joined(loc) for loc in extra if _take_out(known, loc)])


def _take_out(value: Any, loc: Sequence[int | str]) -> bool:
    """Take the key out to which a location leads; False where it leads nowhere, as within a union."""
    *parents, name = loc
    try:
        for part in parents:
            value = value[part]
        del value[name]
    except (LookupError, TypeError):
        return False
    return True


def _joined(loc: Iterable[int | str]) -> str:
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _with_nulls(node: Node, gold: Any, data: Any) -> Any:
    """A copy of the data in which every model that is there has all its fields."""
    match node:
        case ModelNode() if isinstance(gold, BaseModel):
            return _filled(node, gold, data)
        case ListNode(keyed=True) if isinstance(gold, Mapping) and isinstance(data, Mapping):
            inner = zip(data.items(), gold.values(), strict=True)
            return {key: _with_nulls(node.items, item, value) for (key, value), item in inner}
        case ListNode() if isinstance(gold, list | tuple) and isinstance(data, list | tuple):
            return [_with_nulls(node.items, item, value) for item, value in zip(gold, data, strict=True)]
        case UnionNode() if type(gold) in node.members:
            if node.is_tagged or labels_tell(gold, type(gold), node.members):
                return _with_nulls(node.members[type(gold)], gold, data)
    return data


def _filled(node: ModelNode, gold: BaseModel, data: Any) -> Any:
    if isinstance(gold, pydantic.RootModel):
        inner = data.root if isinstance(data, pydantic.RootModel) else data
        return _with_nulls(node.fields["root"], gold.root, inner) if "root" in node.fields else data
    if isinstance(data, BaseModel):
        data = {name: getattr(data, name) for name in data.model_fields_set}
    if not isinstance(data, Mapping):
        return data
    filled = dict(data)
    for name, child in node.fields.items():
        if name not in gold.model_fields_set:
            filled[name] = None
        elif (key := name if name in data else node.cls.model_fields[name].alias) in data:
            filled[key] = _with_nulls(child, getattr(gold, name), data[key])
    return filled
