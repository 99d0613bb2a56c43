"""What prompting can reach, field by field, and how far each field is from its target."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pytest_llm_extract.decision.evidence import Evidence
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.lints.lint_report import documents_of
from pytest_llm_extract.lints.occurrence import Searchable
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT, Leaf, is_through_a_list
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.stats.intervals import wilson

_MOST_CASES = 20_000


class Ceiling(NamedTuple):
    """Gold values of one field, each counted once.

    Attributes:
        right: some variant gets it right: prompting, routing or a vote reaches it.
        in_document: no variant gets it right, and it is in the document (or gold says that the document has none).
        not_in_document: no variant gets it right, and it is not in the document: label, OCR, or knowledge.
        contradicting: no variant gets it right, and gold contradicts itself there.
        unsearchable: no variant gets it right, and it cannot be searched for: a truth value, a short code, a file.
    """

    field: str
    right: int = 0
    in_document: int = 0
    not_in_document: int = 0
    contradicting: int = 0
    unsearchable: int = 0

    @property
    def n(self) -> int:
        """All gold values of the field."""
        return sum(self[1:])

    @property
    def reached(self) -> float:
        """The share that some variant gets right, in 0..1."""
        return self.right / max(1, self.n)

    @property
    def learnable(self) -> float:
        """The share that some variant gets right, or that is at least in the document."""
        return (self.right + self.in_document + self.unsearchable) / max(1, self.n)

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins."""
        return {**self._asdict(), "n": self.n}


def ceilings(suites: Sequence[SuiteResult], findings: Iterable[Finding]) -> dict[str, Ceiling]:
    """The ceiling of each labelled field over the variants of a suite; `findings` say where gold contradicts itself."""
    contradicting = {
        (case, finding.field) for finding in findings if finding.kind == "gold_contradicts" for case in finding.cases
    }
    documents = {document.id: document.searchable for document in documents_of(suites[0])}
    results: dict[str, list[CaseResult]] = {}
    for suite in suites:
        for case in suite.cases:
            results.setdefault(case.id, []).append(case)
    counted: dict[str, Counter[str]] = {path: Counter() for path in suites[0].paths}
    for case_id, cases in results.items():
        for path in dict.fromkeys(path for case in cases for path in case.leaves):
            outcomes = _outcomes(cases, path, documents.get(case_id, Searchable(None)))
            if (case_id, path) in contradicting:
                outcomes = Counter({"right": outcomes["right"], "contradicting": outcomes.total() - outcomes["right"]})
            counted.setdefault(path, Counter()).update(outcomes)
    return {path: Ceiling(path, **outcomes) for path, outcomes in counted.items() if outcomes.total()}


def _outcomes(cases: Sequence[CaseResult], path: str, document: Searchable) -> Counter[str]:
    """What became of the gold values of one field in one case."""
    samples = [sample.leaves.get(path, ()) for case in cases for sample in case.samples]
    if not is_through_a_list(path):
        one = [leaves[0] for leaves in samples if leaves]
        if any(leaf.outcome in RIGHT for leaf in one):
            return Counter(right=1)
        return Counter({_place(one[0].expected, document): 1})
    wanted = _most(samples, lambda leaf: True)  # a null beside others is a row too many
    right = _most(samples, lambda leaf: leaf.outcome in RIGHT)
    counted: Counter[str] = Counter()
    for written, count in wanted.items():
        n_right = min(count, right[written])
        counted["right"] += n_right
        if count > n_right:
            counted[_place(json.loads(written), document)] += count - n_right
    return counted


def _most(samples: Sequence[Sequence[Leaf]], select: Callable[[Leaf], bool]) -> Counter[str]:
    """Each value as often as it is there in the sample that has it most often."""
    most: Counter[str] = Counter()
    for leaves in samples:
        most |= Counter(json.dumps(leaf.expected) for leaf in leaves if leaf.expected is not None and select(leaf))
    return most


def _place(value: Any, document: Searchable) -> str:
    """Where a value is that no variant gets right; null says that the document has none."""
    if value is None:
        return "in_document"
    holds = document.holds(value)
    return "unsearchable" if holds is None else "in_document" if holds else "not_in_document"


def total(by_field: Mapping[str, Ceiling]) -> Ceiling:
    """All fields together."""
    return Ceiling(
        "all", *(sum(column) for column in zip(*(ceiling[1:] for ceiling in by_field.values()), strict=True))
    )


class Gap(NamedTuple):
    """One field against its target.

    `accuracy` is that of the leader; `upper` is the highest upper limit among the set of best, `variant` whose it is.
    `verdict`: "reached" by the leader, "below" where even `upper` is, else "open"; then `n_needed` is how many cases
    would decide, None for more than 20,000.
    """

    field: str
    target: float
    accuracy: float
    upper: float
    variant: str
    verdict: Literal["reached", "below", "open"]
    n_needed: int | None = None


def find_gaps(evidence: Evidence) -> list[Gap]:
    """Every field that has a target and is labelled, in the schema's order."""
    gaps = []
    for field, target in evidence.targets.items():
        summary = evidence.fields[evidence.leader].get(field)
        if summary is None:
            continue
        accuracy = summary.counts.accuracy or 0.0
        uppers = {
            name: evidence.fields[name][field].interval[1] for name in evidence.best if field in evidence.fields[name]
        }
        variant = max(uppers, key=lambda name: uppers[name])
        if accuracy >= target:
            gaps.append(Gap(field, target, accuracy, uppers[variant], variant, "reached"))
        elif uppers[variant] < target:
            gaps.append(Gap(field, target, accuracy, uppers[variant], variant, "below"))
        else:
            n = _needed(accuracy, target)
            gaps.append(Gap(field, target, accuracy, uppers[variant], variant, "open", n))
    return gaps


def _needed(accuracy: float, target: float) -> int | None:
    """How many cases, one leaf each, put the upper limit of this accuracy below the target."""
    low, high = 1, _MOST_CASES
    if wilson(accuracy * high, high)[1] >= target:
        return None
    while low < high:
        middle = (low + high) // 2
        if wilson(accuracy * middle, middle)[1] < target:
            high = middle
        else:
            low = middle + 1
    return low
