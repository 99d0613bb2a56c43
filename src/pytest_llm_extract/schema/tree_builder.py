"""Build the tree of a pydantic type from its core schema and its rules."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaSerializer

from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.rules.comparators import (
    EXTRA_KEY,
    Align,
    Comparison,
    Ignore,
    Null,
    NumberText,
    Ordered,
    Rule,
    RuleError,
    describe,
    rules_of,
    rules_of_json,
    slot_of,
)
from pytest_llm_extract.schema.core_schema import (
    FUNCTIONS,
    UNIONS,
    Definitions,
    is_dict,
    is_json_of,
    is_list,
    union_choices,
)
from pytest_llm_extract.schema.field_tree import LeafNode, ListNode, ModelNode, Node, UnionNode, flat_leaves, leaf_paths
from pytest_llm_extract.schema.serializers import plain_serializer

_SCALARS = frozenset(
    {"str", "int", "float", "decimal", "bool", "date", "time", "datetime", "timedelta"}
    | {"literal", "enum", "uuid", "url", "bytes", "none"}
)
Settled = dict[str, Rule | Comparison]


class Builder:
    """Core schema → nodes. `compare` holds rules by path; they take precedence over those of the schema.

    `rules` fills with path and description of every rule in force, `functions` with those that a project wrote itself,
    `writers` with what writes bytes, by path.
    """

    def __init__(self, core: Mapping[str, Any], source: str, compare: Mapping[str, Any]) -> None:
        self._definitions = Definitions(core)
        self._open: dict[type[BaseModel], ModelNode] = {}
        self._source, self._compare = source, compare
        self._paths: dict[str, None] = {}
        self._aligned: list[ListNode] = []
        self._lists: list[ListNode] = []
        self._config: Mapping[str, Any] = {}
        self.rules: set[tuple[str, str]] = set()
        self.functions: list[Comparison] = []
        self.writers: dict[str, SchemaSerializer] = {}

    def tree(self, core: Mapping[str, Any], annotation: Any) -> Node:
        """The root.

        Raises:
            UsageError: a rule does not fit its field, or a path of `compare` or a key does not exist.
        """
        root = self.build(core, "", annotation, ())
        for path in self._compare:
            if path not in self._paths or path == "":
                known = [known for known in self._paths if known]
                raise UnknownNameError(str(path), known=known, source=f"{self._source}: compare", kind="field")
        for node in self._aligned:
            self._check_keys(node)
        leaves = set(leaf_paths(root))
        for node in self._lists:
            node.shares_path = node.row_path in leaves
        return root

    def build(self, core: Mapping[str, Any], path: str, annotation: Any, extra: tuple[Rule | Comparison, ...]) -> Node:
        """The node of one place; `extra` are rules that the field says beside its type."""
        self._paths[path] = None
        functions, annotation = _functions(annotation)
        rules = self._settle(path, (*self._definitions.rules(core), *functions, *extra))
        optional = self._is_optional(core)
        inner = self._definitions.resolve(core)
        node = self._node(inner, path, optional, annotation)
        if isinstance(node, ListNode):
            self._lists.append(node)
        if isinstance(node, LeafNode) and "bytes" in self._definitions.kinds(inner):
            self.writers[path] = plain_serializer(self._definitions.complete(core), self._config)
        self._refuse_rules_within(node, inner)
        for rule in rules.values():
            self._apply(rule, node, inner)
        return node

    def _node(self, core: Mapping[str, Any], path: str, optional: bool, annotation: Any) -> Node:
        kind, arguments = core["type"], typing.get_args(annotation)
        if kind == "model":
            return self._model(core, path, optional)
        if is_list(core):
            items = core.get("items_schema") or {"type": "any"}
            items = items[0] if isinstance(items, list) else items
            item = arguments[0] if arguments else None
            return ListNode(path, True, self.build(items, f"{path}[]", item, ()))
        if is_dict(core):
            item = arguments[1] if len(arguments) > 1 else None
            return ListNode(path, True, self.build(core["values_schema"], f"{path}{{}}", item, ()), keyed=True)
        if kind in UNIONS:
            return self._union(core, path, optional)
        return LeafNode(path, optional)

    def _is_optional(self, core: Mapping[str, Any]) -> bool:
        while core["type"] in FUNCTIONS or core["type"] == "definitions" or is_json_of(core):
            core = core["schema"]
        return core["type"] in ("default", "nullable")

    def _model(self, core: Mapping[str, Any], path: str, optional: bool) -> Node:
        cls = core["cls"]
        if cls in self._open:
            return self._open[cls]
        node = self._open[cls] = ModelNode(path, optional, cls)
        outer, self._config = self._config, core.get("config", {})
        if core.get("root_model"):
            node.fields["root"] = self.build(core["schema"], path, cls.model_fields["root"].annotation, ())
        else:
            for name, field in self._definitions.resolve(core["schema"])["fields"].items():
                self._add_field(node, name, field["schema"])
        self._config = outer
        del self._open[cls]
        return node

    def _add_field(self, node: ModelNode, name: str, core: Mapping[str, Any]) -> None:
        path, info = f"{node.path}.{name}" if node.path else name, node.cls.model_fields[name]
        functions = tuple(found for found in info.metadata if inspect.isroutine(found))
        given = info.json_schema_extra if isinstance(info.json_schema_extra, Mapping) else {}
        try:
            extra = rules_of_json(given[EXTRA_KEY]) if EXTRA_KEY in given else ()
        except RuleError as error:
            raise UsageError(self._source, f"{path}: {error}") from None
        settled = self._settle(path, (*self._definitions.rules(core), *functions, *extra))
        if any(isinstance(rule, Ignore) for rule in settled.values()):
            self._paths[path] = None
            self.rules.add((path, describe(Ignore())))
            return
        node.fields[name] = self.build(core, path, info.annotation, (*functions, *extra))

    def _union(self, core: Mapping[str, Any], path: str, optional: bool) -> Node:
        self._refuse_rules(path, core)
        choices = list(self._definitions.members(core))
        models = [choice for choice in choices if choice["type"] == "model"]
        others = [choice for choice in choices if choice["type"] not in ("model", "none")]
        optional = optional or any(choice["type"] == "none" for choice in choices)
        if others or not models:
            return LeafNode(path, optional)
        members = {choice["cls"]: self._model(choice, path, optional) for choice in models}
        if len(members) == 1:
            return next(iter(members.values()))
        nodes = {cls: member for cls, member in members.items() if isinstance(member, ModelNode)}
        return UnionNode(path, optional, nodes, self._definitions.is_tagged(core))

    def _refuse_rules(self, path: str, union: Mapping[str, Any]) -> None:
        for choice in union_choices(union):
            for rule in self._definitions.rules(choice):
                name = type(rule).__name__
                problem = f"{path}: {name} in a member of a union has no effect; write it around the union"
                raise UsageError(self._source, problem)
            inner = self._definitions.resolve(choice)
            if inner["type"] in UNIONS:
                self._refuse_rules(path, inner)

    def _refuse_rules_within(self, node: Node, core: Mapping[str, Any]) -> None:
        if isinstance(node, LeafNode):
            where, rules = "within one value", list(self._definitions.inner_rules(core))
        elif isinstance(node, ListNode) and node.keyed and "keys_schema" in core:
            where, rules = "on the keys of a dict", list(self._definitions.rules(core["keys_schema"]))
        else:
            return
        for rule in rules:
            problem = f"{type(rule).__name__} {where} has no effect: a rule belongs to a field that is scored"
            raise UsageError(self._source, f"{node.path or 'the top level'}: {problem}")

    def _settle(self, path: str, rules: tuple[Rule | Comparison, ...]) -> Settled:
        try:
            override = rules_of(self._compare[path]) if path in self._compare else ()
        except RuleError as error:
            raise UsageError(self._source, f"compare: {path}: {error}") from None
        return {slot_of(rule): rule for rule in (*rules, *override)}

    def _apply(self, rule: Rule | Comparison, node: Node, core: Mapping[str, Any]) -> None:
        problem = self._misfit(rule, node, core)
        if problem:
            name = type(rule).__name__ if isinstance(rule, Rule) else "a function"
            raise UsageError(self._source, f"{node.path or 'the top level'}: {name} {problem}")
        self.rules.add((node.path, describe(rule)))
        if not isinstance(rule, Rule):
            self.functions.append(rule)
        if isinstance(node, ListNode) and isinstance(rule, Align | Ordered):
            node.pairing = rule
            self._aligned.append(node)
        elif isinstance(node, LeafNode) and isinstance(rule, Null):
            node.null = rule
        elif isinstance(node, LeafNode):
            node.rule = rule

    def _misfit(self, rule: Rule | Comparison, node: Node, core: Mapping[str, Any]) -> str | None:
        place = rule.place if isinstance(rule, Rule) else "leaf"
        if place == "field":
            return "belongs on a field of a model"
        if place != "leaf":
            if not isinstance(node, ListNode) or node.keyed:
                return "belongs on a list"
            return "belongs on a list of models" if place == "rows" and isinstance(node.items, LeafNode) else None
        if isinstance(node, ListNode):
            return f"belongs on a value; the items here are {node.items.path!r}"
        if not isinstance(node, LeafNode):
            return "belongs on a value, not on a model"
        if isinstance(rule, NumberText) and not _is_locale(rule.locale):
            return f"names no locale: {rule.locale!r}"
        kinds = self._definitions.kinds(core)
        wanted = rule.types if isinstance(rule, Rule) else frozenset()
        if wanted and kinds <= _SCALARS and not kinds & wanted:
            return f"compares {' and '.join(sorted(wanted))}, but the field is {' or '.join(sorted(kinds))}"
        return None

    def _check_keys(self, node: ListNode) -> None:
        known = [".".join(names) for names in flat_leaves(node.items)]
        for key in node.pairing.keys if isinstance(node.pairing, Align) else ():
            if key not in known:
                source = f"{self._source}: {node.path or 'the top level'}: Align"
                raise UnknownNameError(key, known=known, source=source, kind="key")


def _is_locale(name: str) -> bool:
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        return False
    return True


def _functions(annotation: Any) -> tuple[tuple[Comparison, ...], Any]:
    """The plain functions of an `Annotated`, which pydantic does not keep, and the type without it and `None`."""
    functions: tuple[Comparison, ...] = ()
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *metadata = typing.get_args(annotation)
            functions = (*(found for found in metadata if inspect.isroutine(found)), *functions)
        elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
            members = [member for member in typing.get_args(annotation) if member is not type(None)]
            if len(members) != 1:
                return functions, None
            annotation = members[0]
        else:
            return functions, annotation
