"""A JSON Schema as `schema=`: it becomes a pydantic model, so that everything else knows one kind of schema only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, PydanticUserError

from pytest_llm_extract.errors import UsageError


def read_json_schema(path: Path, source: str) -> type[BaseModel]:
    """The model of a JSON Schema file; without a title it is named like the file.

    Raises:
        UsageError: it cannot be read, or is no JSON Schema of an object.
    """
    place = f"{source}: {path.name}"
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(place, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(place, f"is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise UsageError(place, "is no JSON Schema: its top level is no object")
    return model_of({"title": path.stem, **schema}, place)


def model_of(schema: Mapping[str, Any], source: str) -> type[BaseModel]:
    """The model of a JSON Schema; rules under `x-llm-extract` stay with their properties.

    Raises:
        UsageError: it does not describe an object, or uses what cannot be expressed as a model.
    """
    from json_schema_to_pydantic import CombinerError, ReferenceError, SchemaError, TypeError, create_model

    try:
        found = create_model(dict(schema), allow_undefined_type=True)
    except (CombinerError, ReferenceError, SchemaError, TypeError, PydanticUserError, RecursionError) as error:
        raise UsageError(source, f"the JSON Schema cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(found, type) or not issubclass(found, BaseModel) or not found.model_fields:
        raise UsageError(source, "the JSON Schema's top level is an object with `properties`")
    return found
