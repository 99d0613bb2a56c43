"""A pydantic type: its field paths and rules, how gold and answers are read by it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import PydanticUserError, TypeAdapter
from pydantic_core import SchemaSerializer, SchemaValidator, from_json

from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.readers import alternatives_reader, gold_reader, has_alternatives, plain_serializer, salvager
from pytest_llm_extract.rules import ANY_OF_KEY
from pytest_llm_extract.tree import Builder, Node, leaf_paths, models

# Every digit and point as 0: sixteen in a row may be a number that a float cannot hold.
_DIGITS, _LONG_NUMBER = bytes.maketrans(b"0123456789.", b"0" * 11), b"0" * 16


class Schema:
    """The type under test.

    `scoring_fingerprint` (sha256, 64 hex digits) changes when a rule or the set of field paths does, and only then; it
    is the same in every process.
    """

    def __init__(self, adapter: TypeAdapter[Any], root: Node, name: str, rules: set[tuple[str, str]]) -> None:
        self.adapter, self.root, self.name = adapter, root, name
        self.paths = tuple(dict.fromkeys(leaf_paths(root)))
        scoring = json.dumps([sorted(self.paths), sorted(rules)])
        self.scoring_fingerprint = hashlib.sha256(scoring.encode()).hexdigest()

    @classmethod
    def of(cls, tp: Any, source: str, compare: Mapping[str, Any] | None = None) -> Schema:
        """Read a type; `compare` holds rules by path, which go before those of the type.

        Raises:
            UsageError: it is no pydantic model, nor a list, dict or union of them; or a rule does not fit.
            UnknownNameError: `compare` names a path that is not there.
        """
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(tp)
            core = adapter.core_schema
        except (PydanticUserError, TypeError) as error:
            raise UsageError(source, f"the schema cannot be read: {str(error).splitlines()[0]}") from None
        builder = Builder(core, source, compare or {})
        root = builder.tree(core, tp)
        found = list(models(root))
        if not found:
            raise UsageError(source, f"the schema is a pydantic model (or a list of one), not {tp!r}; give schema=")
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", found[0].__name__)[:64]
        return cls(adapter, root, name, builder.rules)

    def dump(self, value: Any) -> str:
        """A typed answer as JSON text, for `read_json`: as far as pydantic can, with all that is scored of it."""
        return json.dumps(self._serializer.to_python(value, mode="json", by_alias=False, warnings=False))

    def read_gold(self, expected: Any) -> Any:
        """Gold as typed values: labelled are the fields that were given; model-level validators do not run.

        Raises:
            pydantic.ValidationError: it does not fit the schema.
        """
        try:
            text = json.dumps(expected)
        except (TypeError, ValueError):
            reader = self._alternatives if has_alternatives(expected) else self._gold
            return reader.validate_python(expected, by_alias=True, by_name=True)
        if ANY_OF_KEY in text:
            return self._alternatives.validate_python(expected, by_alias=True, by_name=True)
        return self._gold.validate_json(text, by_alias=True, by_name=True)

    def read_gold_json(self, text: bytes) -> Any:
        """`read_gold` of JSON text.

        Raises:
            pydantic.ValidationError: it is no JSON, or does not fit the schema.
        """
        if ANY_OF_KEY.encode() in text:
            return self._alternatives.validate_python(from_json(text), by_alias=True, by_name=True)
        return self._gold.validate_json(text, by_alias=True, by_name=True)

    def read_json(self, text: str | bytes) -> Any:
        """An answer as the application gets it.

        Raises:
            pydantic.ValidationError: it does not validate.
        """
        if self.needs_exact_numbers(text) and (exact := _exact(text)) is not None:
            return self.adapter.validate_python(exact, by_alias=True, by_name=True)
        return self.adapter.validate_json(text, by_alias=True, by_name=True)

    def needs_exact_numbers(self, text: str | bytes) -> bool:
        """Whether JSON text may hold a number with more digits than a float has, for a field that keeps them."""
        if not self._has_decimal:
            return False
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return _LONG_NUMBER in data.translate(_DIGITS)

    def salvage(self, value: Any) -> Any:
        """What can be read of an answer that does not validate, field by field.

        Leaves of the wrong type are `Unreadable`, containers of the wrong type None.
        """
        return self._salvager.validate_python(value, by_alias=True, by_name=True)

    @cached_property
    def _serializer(self) -> SchemaSerializer:
        return plain_serializer(self.adapter.core_schema)

    @cached_property
    def _gold(self) -> SchemaValidator:
        return gold_reader(self.adapter.core_schema)

    @cached_property
    def _alternatives(self) -> SchemaValidator:
        return alternatives_reader(self.adapter.core_schema)

    @cached_property
    def _salvager(self) -> SchemaValidator:
        return salvager(self.adapter.core_schema)

    @cached_property
    def _has_decimal(self) -> bool:
        return "'type': 'decimal'" in repr(self.adapter.core_schema)


def _exact(text: str | bytes) -> Any:
    try:
        # A JSON number with more digits than a float has must not pass through one on its way to Decimal.
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return None
