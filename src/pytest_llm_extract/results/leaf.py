"""Leaves: the scored values of an answer, and their counts by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_llm_extract.results.outcome import ONE, FieldCounts, Outcome


class Leaf(NamedTuple):
    """One scored leaf; `expected` and `actual` are JSON values. `hint` names what would have matched a wrong one.

    `is_row` marks a missing or extra row that charges no leaf. It is counted with its rows, and in no micro rate.
    """

    outcome: Outcome
    expected: Any = None
    actual: Any = None
    hint: str | None = None
    is_row: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "outcome": self.outcome.value,
            "expected": self.expected,
            "actual": self.actual,
            "hint": self.hint,
            **({"row": True} if self.is_row else {}),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Leaf:
        """The inverse of `to_wire`."""
        return cls(Outcome(wire["outcome"]), wire["expected"], wire["actual"], wire.get("hint"), wire.get("row", False))


Leaves = dict[str, tuple[Leaf, ...]]


def leaves_to_wire(leaves: Leaves) -> dict[str, list[dict[str, Any]]]:
    """The inverse of `leaves_from_wire`."""
    return {path: [leaf.to_wire() for leaf in found] for path, found in leaves.items()}


def leaves_from_wire(wire: Mapping[str, Any]) -> Leaves:
    """Leaves by field path."""
    return {path: tuple(map(Leaf.from_wire, found)) for path, found in wire.items()}


def count_leaves(leaves: Leaves) -> dict[str, FieldCounts]:
    """Outcome counts by field path; rows are counted elsewhere."""
    counts = {}
    for path, of_field in leaves.items():
        outcomes = [leaf.outcome for leaf in of_field if not leaf.is_row]
        if outcomes:
            counts[path] = ONE[outcomes[0]] if len(outcomes) == 1 else FieldCounts.of(outcomes)
    return counts


def leaves_of_counts(counts: Mapping[str, FieldCounts]) -> Leaves:
    """Leaves that were counted, without their values."""
    return {
        path: tuple(Leaf(Outcome(name)) for name, count in one.to_wire().items() for _ in range(count))
        for path, one in counts.items()
    }


def counts_to_wire(counts: Mapping[str, FieldCounts]) -> dict[str, dict[str, int]]:
    """The inverse of `counts_from_wire`."""
    return {path: found.to_wire() for path, found in counts.items()}


def counts_from_wire(wire: Mapping[str, Mapping[str, int]]) -> dict[str, FieldCounts]:
    """Outcome counts by field path."""
    return {path: FieldCounts.from_wire(found) for path, found in wire.items()}
