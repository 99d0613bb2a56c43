"""What scores the answers of a suite, and what a reviewer must know of its judge: one value for every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class JudgeNote(NamedTuple):
    """One thing about the judge of a suite that a reviewer must know.

    `kind` is a word such as `floor`, `gold` or `cassette`. `what` is one sentence; `cases` are the ids of the cases
    that it is about. `is_change` is False for a weakness, which may have been there before.
    """

    kind: str
    what: str
    cases: tuple[str, ...] = ()
    is_change: bool = True

    def __str__(self) -> str:
        return f"the judge changed: {self.what}" if self.is_change else f"the judge: {self.what}"

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> JudgeNote:
        """The inverse of `as_wire`."""
        return cls(wire["kind"], wire["what"], tuple(wire["cases"]), wire["is_change"])


@dataclass(frozen=True, slots=True)
class ScoringRules:
    """How the answers of a suite are scored and requested, besides its limits.

    Args:
        compare: the rules in force, by field path.
        code: short hashes of validators, comparison functions and what they call, by name.
        strict: whether an inexact case fails.
        ignore: paths that requests are compared without.
        markers: skip, skipif and xfail, as written at the test.
    """

    compare: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    ignore: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> ScoringRules:
        """The inverse of `as_wire`."""
        compare, code = dict(wire["compare"]), dict(wire["code"])
        return cls(compare, code, wire["strict"], tuple(wire["ignore"]), tuple(wire["markers"]))
