"""A pydantic type: its field paths and rules, how gold and answers are read by it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, cast

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator

from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.formats.exact_decimals import has_long_number, tell_apart
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.rules.comparators import ANY_OF_KEY, AnyOf
from pytest_llm_extract.schema.code_hashes import code_hashes
from pytest_llm_extract.schema.field_tree import Node, field_paths, leaf_paths, models
from pytest_llm_extract.schema.serializers import plain_serializer
from pytest_llm_extract.schema.tree_builder import Builder
from pytest_llm_extract.schema.validators import Readers, exact_readers, has_alternatives, reading_as


class Schema:
    """The type under test.

    `paths` are those of its leaves, `scored_paths` those of its leaves and of the rows of its lists (`items[]`).
    `scoring_fingerprint` (sha256, 64 hex digits) changes when a rule or the set of field paths does, and only then; it
    is the same in every process. `rules` describes the rules in force, by path.
    """

    def __init__(self, adapter: TypeAdapter[Any], root: Node, name: str, builder: Builder) -> None:
        self.adapter, self.root, self.name, self._writers = adapter, root, name, builder.writers
        self.paths = tuple(dict.fromkeys(leaf_paths(root)))
        self.scored_paths = tuple(dict.fromkeys(path for path, _ in field_paths(root)))
        self._comparisons = tuple(builder.functions)
        by_path: dict[str, list[str]] = {}
        for path, rule in sorted(builder.rules):
            by_path.setdefault(path, []).append(rule)
        self.rules = {path: "; ".join(rules) for path, rules in by_path.items()}
        scoring = json.dumps([sorted(self.paths), sorted(builder.rules)])
        self.scoring_fingerprint = hashlib.sha256(scoring.encode()).hexdigest()

    @classmethod
    def of(cls, tp: Any, source: str, compare: Mapping[str, Any] | None = None) -> Schema:
        """Read a type; `compare` holds rules by path, which take precedence over those of the type.

        Raises:
            UsageError: it is not a pydantic model, nor a list, dict or union of them; or a rule does not fit.
            UnknownNameError: `compare` names a path that is not there.
        """
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(tp)
            adapter.rebuild(raise_errors=True, _types_namespace={})  # of names that could not be looked up before
            core = adapter.core_schema
        except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
            raise UsageError(source, f"the schema cannot be read: {str(error).splitlines()[0]}") from None
        builder = Builder(core, source, compare or {})
        root = builder.tree(core, tp)
        listed = list(models(root))
        if not listed:
            raise UsageError(
                source, f"the schema must be a pydantic model (or a list of one), got {tp!r}; give schema="
            )
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", listed[0].__name__)[:64]
        return cls(adapter, root, name, builder)

    @cached_property
    def code(self) -> dict[str, str]:
        """Short hashes of validators and comparison functions, by name."""
        return code_hashes(self.adapter.core_schema, self._comparisons)

    @cached_property
    def choices(self) -> frozenset[str]:
        """The strings that enums and Literals of the type allow; empty for a type without a JSON Schema."""
        try:
            return frozenset(_choices(self.adapter.json_schema()))
        except Exception:  # of pydantic, or of a project's own code
            return frozenset()

    @cached_property
    def types_fingerprint(self) -> str:
        """A short hash of the type's JSON Schema; empty for a type that has none."""
        try:
            written = json.dumps(self.adapter.json_schema(), sort_keys=True)
        except PydanticUserError:
            return ""
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def dump(self, value: Any) -> str:
        """A typed answer as JSON text, for `read_json`: as far as pydantic can, with all that is scored of it."""
        write = partial(self._serializer.to_python, value, by_alias=False, round_trip=True, warnings=False)
        try:
            dumped = write(mode="json")
        except UnicodeDecodeError:  # bytes in a field of any type
            dumped = as_json(write())
        return json.dumps(dumped)

    def write_bytes(self, path: str, value: bytes) -> Any:
        """The bytes of a leaf in the form in which an answer has them; base64 if that form has no text for them."""
        try:
            return self._writers[path].to_python(value, mode="json") if path in self._writers else as_json(value)
        except PydanticSerializationError:  # of a project's own serializer
            return as_json(value)

    def read_gold(self, expected: Any, written: str | None = None) -> Any:
        """Gold as typed values: labelled are the fields that were given; model-level validators do not run.

        `written` is gold as it is in a file, for numbers that have more digits than a float.

        Raises:
            pydantic.ValidationError: it does not fit the schema.
        """
        try:
            text = gold_to_json(expected)
        except (TypeError, ValueError):
            reader = self._plain.alternatives if has_alternatives(expected) else self._plain.gold
            return reader.validate_python(expected, by_alias=True, by_name=True)
        if written is not None and json.dumps(json.loads(written)) == text:  # or it was changed since it was loaded
            return self.read_gold_json(written)
        return _gold_reader(text)(self._plain).validate_json(text, by_alias=True, by_name=True)

    def read_gold_json(self, text: str | bytes) -> Any:
        """`read_gold` of JSON text.

        Raises:
            pydantic.ValidationError: it is not JSON, or does not fit the schema.
        """
        return self._read(text, _gold_reader(text))

    def read_json(self, text: str | bytes) -> Any:
        """An answer as the application gets it, but for the digits of its Decimals, of which none is lost.

        Raises:
            pydantic.ValidationError: it does not validate.
        """
        return self._read(text, attrgetter("answers"))

    def needs_exact_numbers(self, text: str | bytes) -> bool:
        """Whether JSON text may hold a number with more digits than a float has, for a field that keeps them."""
        return self._has_decimal and has_long_number(text)

    def salvage(self, value: Any) -> Any:
        """What can be read of an answer that does not validate, field by field.

        Leaves of the wrong type are `Unreadable`, containers of the wrong type None.
        """
        return self._plain.salvage.validate_python(value, by_alias=True, by_name=True)

    def salvage_json(self, text: str | bytes) -> Any:
        """`salvage` of JSON text."""
        return self._read(text, attrgetter("salvage"))

    def _read(self, text: str | bytes, reader: _Reader) -> Any:
        if self.needs_exact_numbers(text):
            data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            told_apart, written = tell_apart(data)
            if written:
                with reading_as(written):
                    return reader(self._exact).validate_json(told_apart, by_alias=True, by_name=True)
        return reader(self._plain).validate_json(text, by_alias=True, by_name=True)

    @cached_property
    def _plain(self) -> Readers:
        return Readers(self.adapter.core_schema, cast(SchemaValidator, self.adapter.validator))

    @cached_property
    def _exact(self) -> Readers:
        return exact_readers(self.adapter.core_schema)

    @cached_property
    def _serializer(self) -> SchemaSerializer:
        return plain_serializer(self.adapter.core_schema, {})

    @cached_property
    def _has_decimal(self) -> bool:
        return "'type': 'decimal'" in repr(self.adapter.core_schema)


_Reader = Callable[[Readers], SchemaValidator]


def _gold_reader(text: str | bytes) -> _Reader:
    holds = ANY_OF_KEY in text if isinstance(text, str) else ANY_OF_KEY.encode() in text
    return attrgetter("alternatives" if holds else "gold")


def _any_of(value: Any) -> Any:
    if isinstance(value, AnyOf):
        return {ANY_OF_KEY: value.values}
    raise TypeError(type(value).__name__)


gold_to_json = json.JSONEncoder(default=_any_of).encode


def _choices(schema: Any) -> Iterator[str]:
    """The strings below `enum` and `const` of a JSON Schema."""
    if isinstance(schema, dict):
        allowed = [*schema.get("enum", ()), schema.get("const")]
        yield from (value for value in allowed if isinstance(value, str))
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _choices(inner)
