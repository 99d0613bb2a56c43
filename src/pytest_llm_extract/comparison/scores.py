"""The score of each variant, case by case, as whole numbers that can be compared exactly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts, right_share

ALL = "all"  # the name of the sum over fields


class Scores(NamedTuple):
    """The score of every variant in each group of cases, by field.

    Each number is the share of a field's leaves that were right in a case, averaged over samples, summed over the
    cases of the group, times `scale`. `by_field[variant][field][group]`; `total[variant][group]` sums the fields.
    `n_labelled` counts the cases that label a field, summed over fields: the largest possible total, by `scale`.
    """

    groups: tuple[tuple[str, ...], ...]
    by_field: dict[str, dict[str, list[int]]]
    total: dict[str, list[int]]
    scale: int
    n_labelled: int

    def share(self, total: float) -> float:
        """A total over all groups as a share of the largest possible one, in 0..1."""
        return total / (self.scale * max(1, self.n_labelled))

    def changes(self, variant: str, reference: str, field: str) -> list[int]:
        """The score of a variant minus that of another, group by group, in one field or in ALL."""
        mine, theirs = (
            (self.total[name] if field == ALL else self.by_field[name][field]) for name in (variant, reference)
        )
        return [a - b for a, b in zip(mine, theirs, strict=True)]


def read_scores(variants: Mapping[str, Sequence[CaseResult]], fields: Sequence[str]) -> Scores:
    """Scores of variants in these fields, from their results of the same cases in the same order."""
    first = next(iter(variants.values()))
    groups = _groups(first)
    shares = {
        name: {field: [_share(case, field) for case in cases] for field in fields} for name, cases in variants.items()
    }
    scale = lcm(*{share.denominator for rows in shares.values() for row in rows.values() for share in row})
    by_field = {
        name: {field: _sum_groups(row, groups, scale) for field, row in rows.items()} for name, rows in shares.items()
    }
    total = {name: [sum(column) for column in zip(*rows.values(), strict=True)] for name, rows in by_field.items()}
    n_labelled = sum(any(_is_labelled(cases[at], field) for cases in variants.values())
                     for field in fields for at in range(len(first)))  # fmt: skip
    ids = tuple(tuple(first[at].id for at in places) for places in groups)
    return Scores(ids, by_field, total, scale, n_labelled)


def _share(case: CaseResult, field: str) -> Fraction | int:
    shares = [right_share(_counts(sample.leaves, field)) for sample in case.samples]
    return shares[0] if len(shares) == 1 else Fraction(sum(shares), len(shares))


def _counts(leaves: dict[str, tuple], field: str) -> FieldCounts | None:  # type: ignore[type-arg]
    counts = leaves.get(field)
    return FieldCounts.of(leaf.outcome for leaf in counts) if counts else None


def _is_labelled(case: CaseResult, field: str) -> bool:
    return any(sample.leaves.get(field) for sample in case.samples)


def _groups(cases: Sequence[CaseResult]) -> list[list[int]]:
    """The positions of each group's cases, in order of appearance. A case without a group is its own group."""
    groups: dict[tuple[str, str], list[int]] = {}
    for at, case in enumerate(cases):
        groups.setdefault(("case", case.id) if case.group is None else ("group", case.group), []).append(at)
    return list(groups.values())


def _sum_groups(row: Sequence[Fraction | int], groups: Collection[Sequence[int]], scale: int) -> list[int]:
    whole = [share.numerator * (scale // share.denominator) for share in row]
    return [sum(whole[at] for at in places) for places in groups]
