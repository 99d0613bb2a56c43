"""Any value as JSON."""

from __future__ import annotations

from typing import Any

from pydantic_core import SchemaSerializer, to_jsonable_python


def as_json(value: Any) -> Any:
    """As pydantic writes it; what JSON has no form for as its `str`, bytes that are no text as base64."""
    try:
        return to_jsonable_python(value, fallback=str)
    except UnicodeDecodeError:
        # Models write bytes as they are configured to; as dicts they leave that to us.
        plain = SchemaSerializer({"type": "any"}).to_python(value)
        return to_jsonable_python(plain, fallback=str, bytes_mode="base64")
