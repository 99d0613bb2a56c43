"""One accepted case of a baseline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_llm_extract.formats.strict_json import read_exactly
from pytest_llm_extract.results.accepted import Accepted, Origin, numbered
from pytest_llm_extract.results.outcome import FieldCounts, Status, counts_from_wire, leaves_of_counts, merge_counts
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import Answer, lost_answer, read_answer
from pytest_llm_extract.scoring.score import score_answer

_SHARED = ("id", "requests", "origin")  # what the samples of a case mostly have in common


class Entry(NamedTuple):
    """One accepted case. `text` is the answer as JSON text; None for one that was lost.

    `outcomes` counts leaves and `rows` rows, as a `Sample` has them. `further` are its second and later samples, each
    as an entry of its own. `gold` is what was expected, as JSON text; None for gold that has no such form, and in a
    file of a version that did not keep it.
    """

    id: str
    status: Status
    text: str | None
    outcomes: dict[str, FieldCounts]
    fingerprints: tuple[str, ...]
    origin: Origin
    attempt: int = 1
    further: tuple[Entry, ...] = ()
    group: str | None = None
    gold: str | None = None
    rows: dict[str, FieldCounts] = {}  # noqa: RUF012 - of a NamedTuple, and never changed

    @property
    def samples(self) -> tuple[Entry, ...]:
        """All samples, the first one included."""
        return (self, *self.further)

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON. The answer is nested JSON if that keeps its exact meaning, else a string.

        A further sample has what differs from the first: its answer always, requests and origin where they do.
        """
        answer = {} if self.text is None else _exactly(self.text, "answer", "raw")
        wire = {
            "id": self.id,
            **({} if self.group is None else {"group": self.group}),
            **({} if self.gold is None else _exactly(self.gold, "gold", "gold_text")),
            "status": self.status.value,
            **answer,
            "outcomes": {path: counts.to_wire() for path, counts in self.outcomes.items()},
            **({"rows": {path: counts.to_wire() for path, counts in self.rows.items()}} if self.rows else {}),
            "requests": list(self.fingerprints),
            "origin": self.origin.to_wire(),
            "attempt": self.attempt,
        }
        if self.further:
            wire["samples"] = numbered(
                {k: v for k, v in sample.to_wire().items() if k not in _SHARED or v != wire[k]}
                for sample in self.further
            )
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Entry:
        """The inverse of `to_wire`."""
        text = wire.get("raw")
        shared = {name: wire[name] for name in _SHARED}
        return cls(
            wire["id"],
            Status(wire["status"]),
            json.dumps(wire["answer"]) if "answer" in wire else text,
            counts_from_wire(wire["outcomes"]),
            tuple(wire["requests"]),
            Origin(**wire["origin"]),
            wire["attempt"],
            tuple(cls.from_wire({**shared, **sample}) for sample in wire.get("samples", ())),
            wire.get("group"),
            json.dumps(wire["gold"]) if "gold" in wire else wire.get("gold_text"),
            counts_from_wire(wire.get("rows", {})),
        )

    @property
    def then(self) -> dict[str, FieldCounts]:
        """Outcome counts of leaves and rows by field path, when it was accepted."""
        return merge_counts(self.outcomes, self.rows)

    def as_then(self) -> Accepted:
        """The entry with the leaves it had at acceptance, without their values."""
        further = tuple(sample.as_then() for sample in self.further)
        now = leaves_of_counts(self.outcomes), self.then, self.origin
        return Accepted(*now, self.attempt, further, self.group, status=self.status, rows=self.rows)

    def scored(self, schema: Schema, gold: Any, old_gold: Any = None) -> Accepted:
        """Its answer under today's gold and rules, and under the `old_gold` that `kept_gold` gave."""
        answer = self._answer(schema)
        result = score_answer(schema, gold, answer)
        further = tuple(sample.scored(schema, gold, old_gold) for sample in self.further)
        then = None if old_gold is None else score_answer(schema, old_gold, answer).fields
        now = result.leaves, self.then, self.origin
        return Accepted(*now, self.attempt, further, self.group, then, self.status, result.rows)

    def kept_gold(self, schema: Schema, gold_hash: str) -> Any:
        """The gold of the day on which it was accepted; None where that is today's, or the schema does not read it."""
        if self.gold is None or self.origin.gold == gold_hash:
            return None
        try:
            return schema.read_gold_json(self.gold)
        except Exception:  # of pydantic, or of a validator
            return None

    def _answer(self, schema: Schema) -> Answer:
        if self.text is None or self.status not in (Status.OK, Status.INVALID):
            return lost_answer(self.status, None)
        return read_answer(schema, self.text)


def _exactly(text: str, name: str, name_of_text: str) -> dict[str, Any]:
    """The value of JSON text, or the text itself if writing the value again would change it."""
    try:
        value = read_exactly(text, lambda number, literal: repr(number) == literal)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate cannot be written as UTF-8
    except (ValueError, RecursionError):
        return {name_of_text: text}
    return {name: value}
