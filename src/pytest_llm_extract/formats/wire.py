"""Values of ours as JSON has them, for those whose keys are the names of their fields."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any


def as_wire(value: Any) -> Any:
    """A value as plain builtins for JSON, by its own `to_wire` if it has one.

    A NamedTuple or a dataclass becomes an object of its fields, a tuple a list, a set a sorted list, a date or a
    fraction a string.
    """
    if hasattr(value, "to_wire"):
        return value.to_wire()
    if hasattr(value, "_asdict") or is_dataclass(value):
        return fields_to_wire(value)
    if isinstance(value, Mapping):
        return {key: as_wire(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_wire(one) for one in value]
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value) if isinstance(value, Fraction | datetime.date) else value


def fields_to_wire(value: Any) -> dict[str, Any]:
    """The fields of a NamedTuple or a dataclass, each as `as_wire` has it."""
    named = value._asdict() if hasattr(value, "_asdict") else {f.name: getattr(value, f.name) for f in fields(value)}
    return {name: as_wire(one) for name, one in named.items()}
