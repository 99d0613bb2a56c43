"""An accepted answer as a baseline has it, and the origin of an outcome: short hashes of a request and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pytest_llm_extract.results.outcome import (
    FieldCounts,
    Leaves,
    Status,
    count_leaves,
    counts_from_wire,
    counts_to_wire,
    leaves_from_wire,
    leaves_to_wire,
    merge_counts,
)

PARTS = ("system prompt", "messages", "schema", "parameters")
_SPLIT = "2"
_OF_PROMPT_FILE = "-"  # a prompt file's own hash says it, whatever the file was filled with


class Origin(NamedTuple):
    """The origin of an outcome as short hashes. Each difference between two runs is a possible cause.

    `model` was asked for, `answered` is what the response named; None where a request does not have it. `request` has
    the hashes of a request's parts in any API, behind the version of the split: `2/system prompt/messages/…`. `via` is
    "batch" for an answer of a batch, None for a live one.
    """

    prompt: str | None = None
    schema: str | None = None
    parameters: str | None = None
    model: str | None = None
    answered: str | None = None
    gold: str | None = None
    scoring: str | None = None
    document: str | None = None
    request: str | None = None
    via: str | None = None

    def to_wire(self) -> dict[str, str | None]:
        """Plain values for JSON; a live answer says nothing of its way."""
        return {name: value for name, value in self._asdict().items() if name != "via" or value is not None}


def old_gold_to_wire(counts: dict[str, FieldCounts] | None) -> dict[str, Any]:
    """Counts under the gold of a baseline, as a key of their case; no key where they are None."""
    return {} if counts is None else {"old_gold": counts_to_wire(counts)}


def old_gold_from_wire(wire: Mapping[str, Any]) -> dict[str, FieldCounts] | None:
    """The inverse of `old_gold_to_wire`."""
    counts = wire.get("old_gold")
    return None if counts is None else counts_from_wire(counts)


class Accepted(NamedTuple):
    """A case as a baseline has it: its answer scored again under today's gold and rules, and as it was scored then.

    `rows` are those of a `Sample`. `further` are its second and later samples. `group` is the case's when it was
    accepted. `old_gold` are its counts under the gold of that day and today's rules, rows included; None where the gold
    is the same, or was not kept.
    """

    leaves: Leaves
    then: dict[str, FieldCounts]
    origin: Origin
    attempt: int = 1
    further: tuple[Accepted, ...] = ()
    group: str | None = None
    old_gold: dict[str, FieldCounts] | None = None
    status: Status = Status.OK
    rows: dict[str, FieldCounts] = {}  # noqa: RUF012 - of a NamedTuple, and never changed

    @property
    def fields(self) -> dict[str, FieldCounts]:
        """Outcome counts of leaves and rows by field path, as scored today."""
        return merge_counts(count_leaves(self.leaves), self.rows)

    @property
    def samples(self) -> tuple[Accepted, ...]:
        """Every accepted sample, the first included."""
        return (self, *self.further)

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "fields": leaves_to_wire(self.leaves),
            "then": counts_to_wire(self.then),
            "origin": self.origin.to_wire(),
            "attempt": self.attempt,
            "group": self.group,
            **old_gold_to_wire(self.old_gold),
            "status": self.status.value,
            "rows": counts_to_wire(self.rows),
            **({"samples": numbered(sample.to_wire() for sample in self.further)} if self.further else {}),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Accepted:
        """The inverse of `to_wire`."""
        return cls(
            leaves_from_wire(wire["fields"]),
            counts_from_wire(wire["then"]),
            Origin(**wire["origin"]),
            wire["attempt"],
            tuple(map(cls.from_wire, wire.get("samples", ()))),
            wire.get("group"),
            old_gold_from_wire(wire),
            Status(wire.get("status", Status.OK)),
            counts_from_wire(wire.get("rows", {})),
        )


def numbered(further: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The second and later samples on the wire, each with its number."""
    return [{"sample": number, **wire} for number, wire in enumerate(further, start=2)]


def joined_parts(hashes: Mapping[str, str]) -> str:
    """Parts of a request as `Origin.request` has them, from hashes by the names of `PARTS`."""
    return "/".join([_SPLIT, *(hashes[name] for name in PARTS)])


def request_parts(request: str | None) -> dict[str, str]:
    """Hashes by the names of `PARTS`; none where `Origin.request` is None or of another version."""
    version, *hashes = (request or "").split("/")
    if version != _SPLIT:
        return {}
    return {name: one for name, one in zip(PARTS, hashes, strict=False) if one != _OF_PROMPT_FILE}


def without_prompt(request: str | None) -> str | None:
    """`Origin.request` without system prompt and messages, for a suite whose prompt is a file."""
    parts = request_parts(request)
    return joined_parts(dict.fromkeys(PARTS, _OF_PROMPT_FILE) | {n: parts[n] for n in PARTS[2:]}) if parts else request
