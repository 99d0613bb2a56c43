"""Any value as JSON."""

from __future__ import annotations

import reprlib
from typing import Any

from pydantic_core import SchemaSerializer, to_jsonable_python


def as_json(value: Any) -> Any:
    """As pydantic writes it; what JSON has no form for as its `str`, bytes that are not text as base64.

    A value that is nested too deeply for pydantic, or within itself, becomes a short string.
    """
    try:
        return to_jsonable_python(value, fallback=str)
    except UnicodeDecodeError:
        # Models write bytes as they are configured to; as dicts they leave that to us.
        plain = SchemaSerializer({"type": "any"}).to_python(value)
        return to_jsonable_python(plain, fallback=str, bytes_mode="base64")
    except ValueError as error:
        if "depth" not in str(error) and "Circular" not in str(error):
            raise
        return reprlib.repr(value)
