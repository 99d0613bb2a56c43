"""Cases and problems that a report names. Adding what is known already changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

from pytest_llm_extract.results.case_result import CaseResult

N_WORST = 8
N_NAMED = 5
Named = tuple[int, str]  # a line and what is wrong there


@dataclass
class NamedCases:
    """The worst cases, the first problems of each kind by line, and all cases by line and id if they were kept.

    `worst` are the `N_WORST` cases with most wrong leaves: minus their number, case id, case.
    """

    worst: list[tuple[int, str, CaseResult]] = field(default_factory=list)
    problems: dict[str, list[Named]] = field(default_factory=dict)
    cases: dict[tuple[int, str], CaseResult] = field(default_factory=dict)

    def is_among_worst(self, n_wrong: int, case_id: str) -> bool:
        """Whether a case has more wrong leaves than one of the kept cases."""
        return len(self.worst) < N_WORST or (-n_wrong, case_id) < self.worst[-1][:2]

    def keep_worst(self, *entries: tuple[int, str, CaseResult]) -> None:
        """Keep the worst of those known and these."""
        known = {entry[:2]: entry for entry in (*self.worst, *entries)}
        self.worst = nsmallest(N_WORST, known.values(), key=lambda entry: entry[:2])

    def keep_problems(self, kind: str, *named: Named) -> None:
        """Keep the first of the problems known and these."""
        self.problems[kind] = nsmallest(N_NAMED, {*self.problems.get(kind, ()), *named})

    def __add__(self, other: NamedCases) -> NamedCases:
        added = NamedCases(list(self.worst), dict(self.problems), self.cases | other.cases)
        added.keep_worst(*other.worst)
        for kind, named in other.problems.items():
            added.keep_problems(kind, *named)
        return added

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "worst": [[rank, case.to_wire()] for rank, _, case in self.worst],
            "problems": self.problems,
            "cases": [[line, case.to_wire()] for (line, _), case in sorted(self.cases.items())],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> NamedCases:
        """The inverse of `to_wire`."""
        worst = [(int(rank), CaseResult.from_wire(case)) for rank, case in wire["worst"]]
        return cls(
            [(rank, case.id, case) for rank, case in worst],
            {kind: [(int(line), str(what)) for line, what in named] for kind, named in wire["problems"].items()},
            {(int(line), case["id"]): CaseResult.from_wire(case) for line, case in wire["cases"]},
        )
