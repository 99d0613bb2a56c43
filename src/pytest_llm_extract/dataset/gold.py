"""Read gold by the schema, and suggest the nearest name for an unknown field."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
from pydantic_core import ErrorDetails

from pytest_llm_extract.cassette.file.fingerprint import digest
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.errors import SHOWN_PROBLEMS, DatasetError, Problems, did_you_mean, nearest
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.formats.safe_yaml import plain_value
from pytest_llm_extract.schema.field_tree import ListNode, ModelNode, Node, UnionNode
from pytest_llm_extract.schema.schema import Schema, gold_to_json

_CELL = "; a cell of .csv is a string; write such a value in .jsonl or .yaml"


class GoldenCase(NamedTuple):
    """A case with its gold read by the schema; `gold_hash` is the short hash of that gold as it is written.

    `unknown` are the paths of keys that the schema does not have, and that were left out of the case's gold.
    """

    case: Case
    gold: Any
    gold_hash: str
    unknown: tuple[str, ...] = ()

    @property
    def document_hash(self) -> str:
        """The short hash of its document and context, of a file by its bytes."""
        given, context = self.case.input, self.case.context
        document = hashlib.sha256(given.read_bytes()).hexdigest() if isinstance(given, Path) else as_json(given)
        return digest([document, as_json(context)])[:16]

    @property
    def text(self) -> str | None:
        """The gold as JSON text, for a schema to read again; None for gold that has no such form."""
        if self.case.written is not None:
            return self.case.written
        expected = self.case.expected
        if isinstance(expected, pydantic.BaseModel):
            expected = expected.model_dump(mode="json", exclude_unset=True, round_trip=True)
        try:
            return gold_to_json(expected)
        except (TypeError, ValueError):
            return None


def read_golden(
    cases: Iterable[Case], schema: Schema, name: str, *, ignore_unknown: bool = False
) -> tuple[GoldenCase, ...]:
    """Read every case's gold; `name` is how errors call the dataset.

    With `ignore_unknown`, keys that the schema does not have are left out instead of being errors.

    Raises:
        DatasetError: some gold does not fit; every such case with its place, the field's path and the nearest field.
    """
    problems: Problems = []
    golden = []
    for case in cases:
        try:
            known, unknown = _known(case, schema) if ignore_unknown else (case, ())
            gold = schema.read_gold(known.expected, known.written)
            golden.append(GoldenCase(known, gold, _hash(known), unknown))
        except pydantic.ValidationError as error:
            for fault in _one_for_each_field(error.errors(include_url=False), schema):
                said = _describe(fault, schema) if len(problems) < SHOWN_PROBLEMS else fault["msg"]
                hint = _CELL if name.lower().endswith(".csv") and _is_no_text_of_a_literal(fault) else ""
                problems.append((case.place, f"case {case.id!r}: {said}{hint}"))
        except Exception as error:  # of a validator, or of a model's own __init__
            said = f"the schema's own code cannot read it: {type(error).__name__}: {error}"
            problems.append((case.place, f"case {case.id!r}: expected: {said}"))
    if problems:
        raise DatasetError(name, problems)
    return tuple(golden)


def _known(case: Case, schema: Schema) -> tuple[Case, tuple[str, ...]]:
    """The case without the keys that the schema does not have, and their paths."""
    try:
        schema.read_gold(case.expected, case.written)
    except pydantic.ValidationError as error:
        extra = [found["loc"] for found in error.errors(include_url=False) if found["type"] == "extra_forbidden"]
    else:
        return case, ()
    expected = copy.deepcopy(case.expected)
    paths = [_joined(loc) for loc in extra if _take_out(expected, loc)]
    return (replace(case, expected=expected, written=None), tuple(paths)) if paths else (case, ())


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


def _hash(case: Case) -> str:
    expected = case.expected
    if isinstance(expected, pydantic.BaseModel):
        expected = expected.model_dump(exclude_unset=True)
    plain = as_json(expected)
    return digest(plain if case.written is None else [plain, case.written])[:16]


def _one_for_each_field(errors: Iterable[ErrorDetails], schema: Schema) -> Iterable[ErrorDetails]:
    """The first fault of each field: each type that a union allows has its own."""
    found: dict[tuple[int | str, ...], ErrorDetails] = {}
    for error in errors:
        loc = _to_field(error["loc"], schema)
        found.setdefault(loc, {**error, "loc": loc})
    return found.values()


def _to_field(loc: tuple[int | str, ...], schema: Schema) -> tuple[int | str, ...]:
    """The part of a location that leads to a field. Behind it, pydantic names the types that it tried."""
    node: Node | None = schema.root
    for n, part in enumerate(loc):
        if not isinstance(node, ModelNode | ListNode):
            return loc[:n]
        if (node := _follow(node, [part])) is None:  # an alias, or a name that the schema does not have
            return loc
    return loc


def _describe(error: ErrorDetails, schema: Schema) -> str:
    place = ".".join(map(str, error["loc"]))
    where = f"expected.{place}" if place else "expected"
    if error["type"] != "extra_forbidden":
        return f"{where}: {error['msg']}"
    *parents, name = error["loc"]
    if (path := _fields(_follow(schema.root, parents)).get(str(name))) is not None:
        return f"{where}: the field {path!r} is given twice, by its name and by its alias; use one"
    model = _follow(schema.root, parents)
    if isinstance(model, ModelNode) and name in model.cls.model_computed_fields:
        return f"{where}: a computed field is not scored: label the fields that it is made of, and leave it out"
    return f"{where}: the schema has no field {place!r}.{_nearest(error['loc'], schema)}"


def _is_no_text_of_a_literal(error: ErrorDetails) -> bool:
    given = error["input"]
    stands_for = plain_value(given.strip(), dumped=False) if isinstance(given, str) else given
    return error["type"] == "literal_error" and stands_for != given


def _nearest(loc: tuple[int | str, ...], schema: Schema) -> str:
    """A hint: a field beside the unknown one, else the nearest path of all, else one that ends in this name."""
    *parents, name = loc
    beside = _fields(_follow(schema.root, parents))
    if found := nearest(str(name), beside):
        return f" Did you mean {beside[found]!r}?"
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
