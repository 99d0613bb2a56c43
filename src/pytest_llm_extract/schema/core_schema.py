"""Finding one's way in pydantic's core schemas, and copies of them that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_llm_extract.rules.comparators import METADATA_KEY, Rule

FUNCTIONS = frozenset({"function-before", "function-after", "function-wrap"})
UNIONS = frozenset({"union", "tagged-union"})
_LISTS = frozenset({"list", "set", "frozenset", "generator", "deque"})
# Types that are read from JSON in one way and from Python in another: `Sequence`, `defaultdict`.
_TWOFOLD = {"json-or-python": "json_schema", "lax-or-strict": "lax_schema"}
# What a schema holds that is no schema.
_OPAQUE = frozenset(
    {"metadata", "serialization", "default", "default_factory", "expected", "function", "cls", "config"}
)


class Definitions:
    """Where a core schema's references lead."""

    def __init__(self, core: Mapping[str, Any]) -> None:
        self._found = {d["ref"]: d for d in core.get("definitions", ())}

    def complete(self, core: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part of the schema that is complete by itself, with all that it may refer to."""
        return {"type": "definitions", "schema": core, "definitions": list(self._found.values())}

    def _wrapped(self, core: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The schema and what it wraps, from the outside in: what names, defaults or post-processes another one."""
        while True:
            yield core
            kind = core["type"]
            if kind == "definition-ref":
                core = self._found[core["schema_ref"]]
            elif kind in FUNCTIONS or kind in ("definitions", "default", "nullable") or is_json_of(core):
                core = core["schema"]
            else:
                return

    def resolve(self, core: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema without the wrappers that name, default or post-process it, or hold it as JSON text."""
        *_, core = self._wrapped(core)
        if (key := _TWOFOLD.get(core["type"])) and (inner := self.resolve(core[key]))["type"] in (*_LISTS, "dict"):
            return inner
        return core

    def rules(self, core: Mapping[str, Any]) -> tuple[Rule, ...]:
        """The rules that wrappers and type carry, the outermost last, since it takes precedence."""
        carried = [(part.get("metadata") or {}).get(METADATA_KEY, ()) for part in self._wrapped(core)]
        return tuple(rule for rules in reversed(carried) for rule in rules)

    def inner_rules(self, core: Mapping[str, Any], seen: frozenset[int] = frozenset()) -> Iterator[Rule]:
        """The rules within a type, such as those of a tuple's items, a dataclass' fields; a model's are its own."""
        core = self.resolve(core)
        if core["type"] == "model" or id(core) in seen:
            return
        for part in _parts([value for key, value in core.items() if key not in _OPAQUE]):
            yield from self.rules(part)
            yield from self.inner_rules(part, seen | {id(core)})

    def kinds(self, core: Mapping[str, Any]) -> frozenset[str]:
        """The types that a leaf may have, in pydantic-core's names."""
        core = self.resolve(core)
        if core["type"] in UNIONS:
            return frozenset().union(*(self.kinds(choice) for choice in union_choices(core)))
        return frozenset({core["type"]})

    def members(self, core: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The members of a union, in place of a union among them its own."""
        for choice in union_choices(core):
            inner = self.resolve(choice)
            if inner["type"] in UNIONS:
                yield from self.members(inner)
            else:
                yield inner

    def is_container(self, core: Mapping[str, Any]) -> bool:
        """Whether it holds leaves instead of being one."""
        core = self.resolve(core)
        if core["type"] in UNIONS:
            return {member["type"] for member in self.members(core)} - {"none"} == {"model"}
        return core["type"] == "model" or is_list(core) or is_dict(core)

    def is_tagged(self, core: Mapping[str, Any]) -> bool:
        """Whether a tag says which member of a union a value is of, and of every union within it."""
        inner = map(self.resolve, union_choices(core))
        return core["type"] == "tagged-union" and all(
            self.is_tagged(choice) for choice in inner if choice["type"] in UNIONS
        )


def is_list(core: Mapping[str, Any]) -> bool:
    """Whether it holds any number of items of one type; a tuple of fixed length does not."""
    return core["type"] in _LISTS or (core["type"] == "tuple" and core.get("variadic_item_index") == 0)


def is_dict(core: Mapping[str, Any]) -> bool:
    """Whether it holds values of one type by key; free-form JSON does not."""
    return bool(core["type"] == "dict" and core.get("values_schema", {"type": "any"})["type"] != "any")


def is_json_of(core: Mapping[str, Any]) -> bool:
    """Whether it is `Json[T]`: a string that is read as the JSON of a type."""
    return core["type"] == "json" and "schema" in core


def union_choices(core: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The members of a union, labels dropped."""
    choices = core["choices"]
    listed = choices.values() if isinstance(choices, Mapping) else choices
    return [choice[0] if isinstance(choice, tuple) else choice for choice in listed]


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas that are in lists and mappings, at any depth, but not those within one another."""
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _parts(inner)


def rebuild(core: Any, change: Callable[[Mapping[str, Any], dict[str, Any]], Any]) -> Any:
    """A changed copy: `change` gets every schema in it, inner ones first, with its copy, and gives the new one."""
    if isinstance(core, list | tuple):
        return type(core)(rebuild(item, change) for item in core)
    if not isinstance(core, dict):
        return core
    if not isinstance(core.get("type"), str):  # schemas by the name of their field, which may be any, or by tag
        return {name: rebuild(inner, change) for name, inner in core.items()}
    return change(core, {key: value if key in _OPAQUE else rebuild(value, change) for key, value in core.items()})
