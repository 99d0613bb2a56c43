"""What a suite is held to, as users write it in `llm_accuracy` and `llm_gate`: floors, budgets, waivers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Floor:
    """What the rates of one field must reach, each in 0..1; `hallucination_rate` is the most that is allowed.

    A bare number in `llm_accuracy` is a floor of accuracy.
    """

    accuracy: float | Fraction | None = None
    precision: float | Fraction | None = None
    recall: float | Fraction | None = None
    hallucination_rate: float | Fraction | None = None

    @property
    def rates(self) -> dict[str, Fraction]:
        """The limits that were given, exactly as they were written."""
        given = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: Fraction(str(value)) for name, value in given if value is not None}

    def to_wire(self) -> dict[str, str]:
        """Plain values for JSON; exact fractions."""
        return {name: str(limit) for name, limit in self.rates.items()}

    @classmethod
    def from_wire(cls, wire: Mapping[str, str]) -> Floor:
        """The inverse of `to_wire`."""
        return cls(**{name: Fraction(limit) for name, limit in wire.items()})


@dataclass(frozen=True, slots=True)
class Gate:
    """A budget that needs no statistics: what one field, or each of them, may lose against the baseline.

    Args:
        max_lost: cases of a field that may be lost, however many were gained.
        max_drop: drop of a field's accuracy that is allowed, as a fraction (0.02 is two points).
        critical: no case may be lost; the same as `max_lost=0`.
    """

    max_lost: int | None = None
    max_drop: float | None = None
    critical: bool = False

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Gate:
        """The inverse of `as_wire`."""
        return cls(wire["max_lost"], wire["max_drop"], wire["critical"])


@dataclass(frozen=True, slots=True)
class Waiver:
    """A field or a case whose losses do not fail the gate, for a reason and until the end of a day.

    It is listed in every report; once it has expired, the gate fails until it is taken out or renewed.
    """

    reason: str
    expires: str
    field: str | None = None
    case: str | None = None

    @property
    def what(self) -> str:
        """`field 'vendor'` or `case 'inv-001'`."""
        return f"field {self.field!r}" if self.field is not None else f"case {self.case!r}"

    def expired(self, today: datetime.date) -> bool:
        """Whether its last day is over."""
        return today > datetime.date.fromisoformat(self.expires)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Waiver:
        """The inverse of `as_wire`.

        Raises:
            ValueError: `expires` is not a date.
        """
        datetime.date.fromisoformat(wire["expires"])
        return cls(wire["reason"], wire["expires"], wire["field"], wire["case"])
