"""Validators and serializers built from the core schema alone, on every pydantic since 2.11."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic_core import SchemaSerializer, SchemaValidator
from pydantic_core.core_schema import CoreConfig

# pydantic-core puts the finished validator of a class in place of the class' part of a schema. It is the class' own, so
# what we changed in that part would be lost. `_use_prebuilt=False` turns this off; pydantic 2.11 and 2.12 lack it.
_CAN_BE_TOLD = "_use_prebuilt" in str(inspect.signature(SchemaValidator))
_LOCK = threading.Lock()


def build_validator(core: Any, title: str | None = None) -> SchemaValidator:
    """Build a validator in which no part is replaced by the finished validator of a class.

    `title` is what errors call the type, None for its own name.
    """
    config: CoreConfig | None = None if title is None else {"title": title}
    if _CAN_BE_TOLD:
        return SchemaValidator(core, config, _use_prebuilt=False)
    with _unfinished(core):
        return SchemaValidator(core, config)


def build_serializer(core: Any) -> SchemaSerializer:
    """Build a serializer in which no part is replaced by the finished serializer of a class."""
    if _CAN_BE_TOLD:
        return SchemaSerializer(core, _use_prebuilt=False)
    with _unfinished(core):
        return SchemaSerializer(core)


@contextmanager
def _unfinished(core: Any) -> Iterator[None]:
    """Mark the classes of a schema as incomplete: pydantic-core then builds their part from the schema."""
    with _LOCK:
        classes = {cls for cls in _classes(core, set()) if vars(cls).get("__pydantic_complete__") is True}
        for cls in classes:
            cls.__pydantic_complete__ = False
        try:
            yield
        finally:
            for cls in classes:
                cls.__pydantic_complete__ = True


def _classes(part: Any, seen: set[int]) -> Iterator[Any]:
    """Yield the models and dataclasses of a core schema."""
    if id(part) in seen or not isinstance(part, Mapping | list | tuple):
        return
    seen.add(id(part))
    if isinstance(part, Mapping):
        kind = part.get("type")
        if kind in ("model", "dataclass") and isinstance(part.get("cls"), type):
            yield part["cls"]
        part = [value for key, value in part.items() if key != "metadata" or not isinstance(kind, str)]
    for inner in part:
        yield from _classes(inner, seen)
