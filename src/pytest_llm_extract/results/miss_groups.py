"""Misses of one suite: those that are alike in field and values are one, whichever cases have them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import NamedTuple

from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import RIGHT, Leaf, Outcome, Status

_UNUSABLE = (Status.REFUSED, Status.TRUNCATED, Status.REJECTED)


class Miss(NamedTuple):
    """One miss and the cases that have it, in the order of the run.

    A miss is a wrong leaf of one `path`, or a whole answer that could not be used: then `path` is None and `status` and
    `error` say why. `n_samples` are those that have it, of all `of_samples` of these cases.
    """

    status: Status
    error: str | None
    path: str | None
    leaf: Leaf
    cases: tuple[str, ...]
    n_samples: int
    of_samples: int


def group_misses(results: Iterable[CaseResult], left_out: Collection[tuple[str, str]] = ()) -> list[Miss]:
    """The misses of a suite: those of most cases first, then those of the cases with most wrong leaves.

    `left_out` holds pairs of field and case that are reported elsewhere.
    """
    grouped: dict[str, list[tuple[CaseResult, Miss]]] = {}
    elsewhere = frozenset(left_out)
    for result in sorted(results, key=lambda one: (-_n_wrong(one), one.id)):
        for sample in result.samples:
            for key, miss in _of_sample(sample).items():
                if miss.path is None or (miss.path, result.id) not in elsewhere:
                    grouped.setdefault(key, []).append((result, miss))
    groups = [_grouped(members) for members in grouped.values()]
    return sorted(groups, key=lambda miss: (miss.path is not None, -len(miss.cases)))


def misses_to_wire(misses: Iterable[Miss]) -> list[dict[str, object]]:
    """Plain builtins, as results.json holds them."""
    return [
        {
            "status": miss.status.value,
            "error": miss.error,
            "field": miss.path,
            **miss.leaf.to_wire(),
            "cases": list(miss.cases),
        }
        for miss in misses
    ]


def _of_sample(sample: Sample) -> dict[str, Miss]:
    """The misses of one sample, each by what makes it equal to another; a case has one of a kind."""
    if sample.status in _UNUSABLE or (sample.status is Status.INVALID and sample.lost):
        leaf = Leaf(Outcome.INVALID, None, sample.raw)
        miss = Miss(sample.status, sample.error, None, leaf, (), 0, 0)
        return {f"{sample.status}:{sample.error}": miss}
    if sample.status not in (Status.OK, Status.INVALID):
        return {}
    wrong = ((path, leaf) for path, leaves in sample.leaves.items() for leaf in leaves if leaf.outcome not in RIGHT)
    return {_key(path, leaf): Miss(sample.status, None, path, leaf, (), 0, 0) for path, leaf in wrong}


def _key(path: str, leaf: Leaf) -> str:
    return json.dumps([path, leaf.outcome, leaf.expected, leaf.actual], sort_keys=True)


def _grouped(members: list[tuple[CaseResult, Miss]]) -> Miss:
    cases = {result.id: len(result.samples) for result, _ in members}
    return members[0][1]._replace(cases=tuple(cases), n_samples=len(members), of_samples=sum(cases.values()))


def _n_wrong(result: CaseResult) -> int:
    leaves = (leaf for sample in result.samples for of_field in sample.leaves.values() for leaf in of_field)
    return sum(leaf.outcome not in RIGHT for leaf in leaves)
