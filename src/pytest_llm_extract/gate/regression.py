"""Compare a run with accepted answers, paired by case: what was lost or gained, and whether beyond noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import NamedTuple

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts, Status, add_up, right_share
from pytest_llm_extract.stats.power import cases_to_decide, smallest_loss
from pytest_llm_extract.stats.signflip import sign_flip
from pytest_llm_extract.stats.stepdown import holm, step_down

Counts = Mapping[str, FieldCounts]


class CasePair(NamedTuple):
    """One case on both sides, sample by sample: outcome counts by field path, before and after."""

    id: str
    group: str | None
    samples: tuple[tuple[Counts, Counts], ...]

    def change(self, path: str) -> Fraction | int:
        """The change of the case's accuracy in one field, in −1..1: the mean over its samples."""
        before, after = self.samples[0]
        moved = change(before.get(path), after.get(path))
        if len(self.samples) == 1:
            return moved
        total = sum((change(before.get(path), after.get(path)) for before, after in self.samples[1:]), moved)
        return Fraction(total, len(self.samples)) if total else 0


class FieldChange(NamedTuple):
    """One field, over the paired cases and the samples that both sides have.

    A case is lost if fewer of its leaves are right than before, in however many samples.
    `p` is that of the one-sided exact sign-flip test of a loss, `p_adj` after the step-down over the family, `p_holm`
    Holm's over the fields alone; the adjusted ones are None for a field that is waived and so not part of the family.
    `p_gain` is the same test of a gain, of this field alone.
    """

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    before: FieldCounts
    after: FieldCounts
    p: float
    p_adj: float | None
    p_holm: float | None
    p_gain: float = 1.0


class Comparison(NamedTuple):
    """This run against one accepted run; `against` is `baseline` or `anchor`, `alpha` its share of the error rate.

    `n_samples` is how many samples of a case are compared, at most: both sides must have them.
    `smallest_loss` is how many cases (groups) one field alone must lose to fail, `visible_drop` the least drop of its
    accuracy that this can be; None where a case can lose less of a field than a whole leaf of one sample.
    `cases_to_decide` counts cases (groups) too: it is that of the test that comes nearest to failing.
    `pooled_p_without_failed` is the pooled test once more without the fields that failed; None when none did, or
    when no other field is left. `pooled_p_gain` tests a gain of all fields together. `statuses` counts the paired
    samples of each status, before and now.
    """

    against: str
    source: str
    alpha: float
    n_cases: int
    n_groups: int
    n_samples: int
    fields: dict[str, FieldChange]
    pooled_p: float
    pooled_p_adj: float
    pooled_p_without_failed: float | None
    smallest_loss: int | None
    visible_drop: Fraction | None
    cases_to_decide: int | None
    pooled_p_gain: float = 1.0
    statuses: Mapping[Status, tuple[int, int]] = {}

    @property
    def unit(self) -> str:
        """What is one piece of evidence: a `case`, or a `group` where cases share one."""
        return "group" if self.n_groups < self.n_cases else "case"

    @property
    def moved(self) -> dict[str, FieldChange]:
        """The fields in which some case was lost or gained."""
        return {path: change for path, change in self.fields.items() if change.lost or change.gained}

    @property
    def failed(self) -> list[str]:
        """The fields that lost more than noise explains."""
        return [path for path, c in self.fields.items() if c.p_adj is not None and c.p_adj <= self.alpha]

    @property
    def nearest_field(self) -> str | None:
        """The field nearest to failing; None if the pooled test is nearer than every field."""
        return _nearest_field(self.fields, self.pooled_p_adj)

    @property
    def smallest_p_adj(self) -> float:
        """The smallest adjusted p of the family."""
        return min([self.pooled_p_adj, *(c.p_adj for c in self.fields.values() if c.p_adj is not None)])

    @property
    def fell(self) -> bool:
        """Whether any test lost more than it gained, so that its p is at most one half."""
        return min([self.pooled_p, *(c.p for c in self.fields.values() if c.p_adj is not None)]) <= 0.5


def count_statuses(cases: Iterable[CaseResult], against: str) -> dict[Status, tuple[int, int]]:
    """How many of the samples that both sides have ended in each status, before and now."""
    before: Counter[Status] = Counter()
    now: Counter[Status] = Counter()
    for case in cases:
        accepted = case.baseline if against == "baseline" else case.anchor
        if accepted is not None:
            for sample, old in case.paired(accepted):
                before[old.status] += 1
                now[sample.status] += 1
    return {status: (before[status], now[status]) for status in Status if before[status] or now[status]}


def pair(cases: Iterable[CaseResult], against: str, waived: Collection[str]) -> list[CasePair]:
    """The cases that both sides have, sorted by id (the order that random flips rely on)."""
    pairs = []
    for case in sorted(cases, key=lambda case: case.id):
        accepted = case.baseline if against == "baseline" else case.anchor
        if accepted is not None and case.id not in waived:
            samples = tuple((old.fields, sample.fields) for sample, old in case.paired(accepted))
            pairs.append(CasePair(case.id, accepted.group, samples))  # a group of today could hide what was lost
    return pairs


@lru_cache(maxsize=10_000)
def change(before: FieldCounts | None, after: FieldCounts | None) -> Fraction | int:
    """The change of a case's accuracy in one field, in −1..1; where one side has no leaf, nothing was wrong there."""
    return right_share(after) - right_share(before)


def compare_runs(
    pairs: Sequence[CasePair],
    fields: Sequence[str],
    waived: Collection[str],
    *,
    against: str,
    source: str,
    alpha: float,
    rows: Collection[str] = (),
) -> Comparison:
    """Test every field and all of them together; `waived` fields are shown, but no part of the family.

    `rows` are the paths of rows. They are tested as fields, and not added to the others: their leaves are.
    """
    changes = {path: [p.change(path) for p in pairs] for path in fields}
    family = [path for path in fields if path not in waived]
    groups = _groups(pairs)
    summed = {path: _by_group(changes[path], groups) for path in fields}
    tests = {path: sign_flip(summed[path]) for path in fields}
    together = _add_up_fields(summed, [path for path in family if path not in rows])
    pooled = sign_flip(together)
    adjusted = step_down({path: tests[path] for path in family}, pooled.p)
    pooled_p_adj = adjusted.pooled if adjusted.pooled is not None else 1.0
    by_holm = holm({path: tests[path].p for path in family})
    before, after = ([sample[side] for p in pairs for sample in p.samples] for side in (0, 1))
    counted = {path: (_count_samples(before, path), _count_samples(after, path)) for path in fields}
    by_field = {
        path: FieldChange(
            lost=tuple(p.id for p, d in zip(pairs, changes[path], strict=True) if d < 0),
            gained=tuple(p.id for p, d in zip(pairs, changes[path], strict=True) if d > 0),
            before=add_up(counted[path][0]),
            after=add_up(counted[path][1]),
            p=tests[path].p,
            p_adj=adjusted.adjusted.get(path),
            p_holm=by_holm.get(path),
            p_gain=_gain(summed[path]),
        )
        for path in fields
    }
    failed = [path for path in family if adjusted.adjusted[path] <= alpha]
    others = [path for path in family if path not in failed and path not in rows]
    n_groups = len(set(groups))
    nearest = _nearest_field(by_field, pooled_p_adj)
    smallest = smallest_loss(n_groups, len(family), alpha)
    return Comparison(
        against=against,
        source=source,
        alpha=alpha,
        n_cases=len(pairs),
        n_groups=n_groups,
        n_samples=max((len(p.samples) for p in pairs), default=1),
        fields=by_field,
        pooled_p=pooled.p,
        pooled_p_adj=pooled_p_adj,
        pooled_p_without_failed=sign_flip(_add_up_fields(summed, others)).p if failed and others else None,
        smallest_loss=smallest,
        visible_drop=_visible_drop(pairs, [side for path in family for side in counted[path]], smallest),
        pooled_p_gain=_gain(together),
        cases_to_decide=_deciding(together if nearest is None else summed[nearest], len(family), alpha),
    )


def _gain(changes: Sequence[Fraction | int]) -> float:
    """The p of a gain; 1 where no more was gained than lost, since then there is nothing to test."""
    return sign_flip([-d for d in changes]).p if sum(changes) > 0 else 1.0


def _count_samples(side: Sequence[Counts], path: str) -> Counter[FieldCounts]:
    """How many samples of one side have which counts of a field; those without a leaf of it are left out."""
    return Counter(filter(None, [counts.get(path) for counts in side]))


def _groups(pairs: Sequence[CasePair]) -> list[int]:
    """The number of each pair's group, in order of appearance. A case without a group is its own."""
    numbers: dict[tuple[str, str], int] = {}
    keys = [("group", p.group) if p.group is not None else ("case", p.id) for p in pairs]
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _by_group(changes: Sequence[Fraction | int], groups: Sequence[int]) -> list[Fraction | int]:
    total: list[Fraction | int] = [0] * len(set(groups))
    for group, d in zip(groups, changes, strict=True):
        if d:
            total[group] = total[group] + d if total[group] else d
    return total


def _add_up_fields(summed: Mapping[str, Sequence[Fraction | int]], family: Sequence[str]) -> list[int]:
    """The changes of these fields together, in whole numbers: on which scale, is all the same to the pooled test."""
    scale = lcm(*{d.denominator for path in family for d in summed[path]})
    whole = ([d.numerator * (scale // d.denominator) for d in summed[path]] for path in family)
    return [sum(column) for column in zip(*whole, strict=True)]


def _nearest_field(fields: Mapping[str, FieldChange], pooled_p_adj: float) -> str | None:
    tested = [(change.p_adj, change.p, path) for path, change in fields.items() if change.p_adj is not None]
    p_adj, _, path = min(tested, key=lambda result: result[:2], default=(1.0, 1.0, None))
    return path if p_adj <= pooled_p_adj else None


def _visible_drop(
    pairs: Sequence[CasePair], family: Iterable[Iterable[FieldCounts]], loss: int | None
) -> Fraction | None:
    """The smallest drop of accuracy that this many lost cases (groups) mean; None if no number holds for all.

    `family` are the counts that samples have of its fields. The drop is one where every case has one leaf of a field
    and as many samples as the others, so that each weighs the same. With several leaves the test sees shares within a
    case, and losses in short lists may outweigh gains in long ones.
    """
    has_one_leaf_each = all(counts.n <= 1 for side in family for counts in side)
    if loss is None or len({len(p.samples) for p in pairs}) > 1 or not has_one_leaf_each:
        return None
    return Fraction(loss, len(pairs) * len(pairs[0].samples))


def _deciding(changes: Sequence[Fraction | int], n_fields: int, alpha: float) -> int | None:
    """How many cases (groups) would decide on a test with these changes, if its rates are the true ones.

    A case counts as lost or gained, however much of it.
    """
    lost, gained = sum(d < 0 for d in changes), sum(d > 0 for d in changes)
    return cases_to_decide(lost, gained, len(changes), n_fields, alpha) if lost > gained else None
