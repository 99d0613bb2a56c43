"""The scored result of one case: its samples, their leaves and their origins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pytest_llm_extract.results.accepted import Accepted, Origin, numbered, old_gold_from_wire, old_gold_to_wire
from pytest_llm_extract.results.outcome import (
    RIGHT,
    FieldCounts,
    Leaves,
    Outcome,
    Status,
    count_leaves,
    counts_from_wire,
    counts_to_wire,
    leaves_from_wire,
    leaves_to_wire,
    merge_counts,
)
from pytest_llm_extract.results.recipe import ExampleDocument


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the provider reported, summed over the requests of a case."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)

    def to_wire(self) -> dict[str, int]:
        """Plain values for JSON."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _as_text(value: Any) -> str:
    if type(value) is str:
        return value
    return repr(value) if type(value) in (int, float) else _encode(value)  # the same, in a fraction of the time


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a case, scored: leaves by field path, list indexes removed.

    `model` is the last that answered; `by_model` has the tokens of each, under None those of answers that name none.
    `latency_s` is the time that the extraction took when it was recorded, in seconds; `attempt` counts the recordings
    under one unchanged request. `explanation` has a line for each difference, where the suite is strict. `old_gold` are
    its counts under the gold that the baseline keeps; None where the gold is the same, or was not kept. `seed` is that
    of its requests, None without one, at the temperature 0, and where requests are not kept.

    `rows` counts the rows of each list by their path (`items[]`): pairs as correct, others as missing or spurious.
    """

    status: Status
    leaves: Leaves
    valid: bool
    raw: str | None = field(default=None, kw_only=True)
    error: str | None = field(default=None, kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    by_model: dict[str | None, Usage] = field(default_factory=dict, kw_only=True)
    latency_s: float | None = field(default=None, kw_only=True)
    attempt: int = field(default=1, kw_only=True)
    cassette: str | None = field(default=None, kw_only=True)
    origin: Origin = field(default=Origin(), kw_only=True)
    explanation: tuple[str, ...] = field(default=(), kw_only=True)
    rows: dict[str, FieldCounts] = field(default_factory=dict, kw_only=True)
    old_gold: dict[str, FieldCounts] | None = field(default=None, kw_only=True)
    seed: int | None = field(default=None, kw_only=True)

    @property
    def usage(self) -> Usage:
        """The tokens of all models together."""
        return sum(self.by_model.values(), Usage())

    @property
    def counts(self) -> dict[str, FieldCounts]:
        """Outcome counts of leaves by field path, which micro rates add up."""
        return count_leaves(self.leaves)

    @property
    def fields(self) -> dict[str, FieldCounts]:
        """Outcome counts of leaves and rows by field path: what tables show, floors judge and the gate compares."""
        return merge_counts(self.counts, self.rows)

    @property
    def exact(self) -> bool:
        """Valid, at least one labelled leaf or row, and every one of them right."""
        outcomes = [leaf.outcome for leaves in self.leaves.values() for leaf in leaves]
        labelled = bool(outcomes) or any(counts.n for counts in self.rows.values())
        return self.valid and labelled and all(outcome in RIGHT for outcome in outcomes)

    def texts(self) -> list[str]:
        """Every string that a report may show of it."""
        texts = [text for text in (self.raw, self.error, self.model, *self.by_model, *self.explanation) if text]
        for of_field in self.leaves.values():
            for leaf in of_field:
                if leaf.expected is not None:
                    texts.append(_as_text(leaf.expected))
                if leaf.actual is not None and leaf.actual != leaf.expected:
                    texts.append(_as_text(leaf.actual))
        return texts

    @property
    def lost(self) -> bool:
        """Whether nothing was read of the answer."""
        outcomes = (leaf.outcome for of_field in self.leaves.values() for leaf in of_field)
        return self.status is not Status.OK and all(o in (Outcome.MISSING, Outcome.INVALID) for o in outcomes)

    # By hand, since results.json and baselines are public formats, which versions before read and wrote too. pydantic
    # is no slower (39 and 49 µs a case, these 49 and 64), but every name that differs would need a rule of its own.
    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON, since execnet and JSON carry nothing else."""
        return {
            "status": self.status.value,
            "valid": self.valid,
            "raw": self.raw,
            "error": self.error,
            "model": self.model,
            "usage": {
                **self.usage.to_wire(),
                "by_model": [{"model": model, **usage.to_wire()} for model, usage in self.by_model.items()],
            },
            "latency_s": self.latency_s,
            "attempt": self.attempt,
            "cassette": self.cassette,
            "origin": self.origin.to_wire(),
            "fields": leaves_to_wire(self.leaves),
            "explanation": list(self.explanation),
            "rows": counts_to_wire(self.rows),
            **old_gold_to_wire(self.old_gold),
            **({} if self.seed is None else {"seed": self.seed}),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Sample:
        """The inverse of `to_wire`."""
        return cls(**_sample_arguments(wire))


def _sample_arguments(wire: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("valid", "raw", "error", "model", "latency_s", "attempt", "cassette")
    return {
        **{name: wire[name] for name in plain},
        "status": Status(wire["status"]),
        "by_model": {
            one["model"]: Usage(one["input_tokens"], one["output_tokens"]) for one in wire["usage"]["by_model"]
        },
        "origin": Origin(**wire["origin"]),
        "leaves": leaves_from_wire(wire["fields"]),
        "explanation": tuple(wire.get("explanation", ())),
        "rows": counts_from_wire(wire["rows"]),
        "old_gold": old_gold_from_wire(wire),
        "seed": wire.get("seed"),
    }


@dataclass(frozen=True, slots=True)
class CaseResult(Sample):
    """One case, scored: its first sample, and the `further` ones of a suite that has several.

    `document` is the path below the rootdir of a document that is not text; None for any other. `passages` is what a
    prompt suite with `context=` retrieved for it; None where nothing was retrieved. `near_examples` are those few-shot
    examples of its own that may be the case itself.
    """

    id: str = ""
    group: str | None = None
    input: Any = None
    document: str | None = None
    passages: str | None = None
    near_examples: tuple[ExampleDocument, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    baseline: Accepted | None = None
    anchor: Accepted | None = None
    further: tuple[Sample, ...] = ()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every sample, the first included."""
        return (self, *self.further)

    @property
    def first(self) -> Sample:
        """The first sample without what belongs to its case."""
        return Sample(**{f.name: getattr(self, f.name) for f in fields(Sample)})

    def texts(self) -> list[str]:
        """Every string that a report may show of it; accepted answers were looked through when they were kept."""
        texts = Sample.texts(self)
        for sample in self.further:
            texts += sample.texts()
        shown = (self.input, self.passages, self.metadata, *(example.text for example in self.near_examples))
        return texts + [_as_text(value) for value in shown if value]

    def paired(self, accepted: Accepted) -> Iterator[tuple[Sample, Accepted]]:
        """The samples that both sides have: the first of each, as many as the side with fewer has."""
        return zip(self.samples, accepted.samples, strict=False)

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON: those of the first sample, of the case, and of the further samples."""
        return {
            "id": self.id,
            "group": self.group,
            "input": self.input,
            **({"document": self.document} if self.document else {}),
            **({} if self.passages is None else {"passages": self.passages}),
            **({"near_examples": [one._asdict() for one in self.near_examples]} if self.near_examples else {}),
            "metadata": self.metadata,
            **Sample.to_wire(self),
            "baseline": self.baseline and self.baseline.to_wire(),
            "anchor": self.anchor and self.anchor.to_wire(),
            "samples": numbered(sample.to_wire() for sample in self.further),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> CaseResult:
        """The inverse of `to_wire`."""
        return cls(
            **_sample_arguments(wire),
            id=wire["id"],
            group=wire["group"],
            input=wire["input"],
            document=wire.get("document"),
            passages=wire.get("passages"),
            near_examples=tuple(ExampleDocument(**one) for one in wire.get("near_examples", ())),
            metadata=dict(wire["metadata"]),
            baseline=_accepted_from_wire(wire, "baseline"),
            anchor=_accepted_from_wire(wire, "anchor"),
            further=tuple(map(Sample.from_wire, wire["samples"])),
        )


def _accepted_from_wire(wire: Mapping[str, Any], name: str) -> Accepted | None:
    """Accepted answers of a case; those of an older version have its group."""
    accepted = wire[name]
    return accepted and Accepted.from_wire({"group": wire["group"], **accepted})
