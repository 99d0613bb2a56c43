"""The serializers of accepted answers and of bytes: what they write is read back as it was."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic_core import SchemaSerializer

from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.schema.build import build_serializer
from pytest_llm_extract.schema.core_schema import rebuild


def plain_serializer(core: Any, config: Mapping[str, Any]) -> SchemaSerializer:
    """Every field under its own name, without the serializers, aliases and exclusions that a model declares.

    Bytes are written in the form in which they are read; as base64 if that form has no text for them. `config` is that
    of the model around a leaf.
    """
    return build_serializer(rebuild(rebuild(core, _as_it_is), partial(_bytes_as_read, config)))


def _as_it_is(core: Mapping[str, Any], copy: dict[str, Any]) -> Any:
    for name in ("serialization_alias", "serialization_exclude", "serialization_exclude_if"):
        copy.pop(name, None)
    if core["type"] == "model-fields":
        copy["computed_fields"] = []
    if core["type"] == "model" or dict(core.get("serialization") or {}).get("is_field_serializer"):
        copy.pop("serialization", None)
    if config := core.get("config"):
        copy = rebuild(copy, partial(_bytes_as_read, config))
        copy["config"] = {name: value for name, value in config.items() if name != "ser_json_bytes"}
    return copy


def _bytes_as_read(config: Mapping[str, Any], core: Mapping[str, Any], copy: dict[str, Any]) -> Any:
    """With a serializer for bytes that have none: those of a model within have that of their own model."""
    if core["type"] == "bytes":
        write = _WRITERS[config.get("val_json_bytes", "utf8")]
        copy.setdefault("serialization", {"type": "function-plain", "function": write})
    return copy


# A union asks its members' serializers in turn, also about values that are not theirs.
_WRITERS: dict[str, Callable[[Any], Any]] = {
    "utf8": as_json,
    "base64": lambda value: base64.urlsafe_b64encode(value).decode() if isinstance(value, bytes) else value,
    "hex": lambda value: value.hex() if isinstance(value, bytes) else value,
}
