"""Compare the variants of a suite: the set of best, differences from the reference, and cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pytest_llm_extract.comparison.ablation import Instruction, find_instructions
from pytest_llm_extract.comparison.claims import Claim, best_set, expected_of_winner, moved, tested_claims
from pytest_llm_extract.comparison.common_cases import common_cases, compared_fields, comparison_notes, why_incomplete
from pytest_llm_extract.comparison.differences import (
    VariantDifference,
    difference,
    find_differences,
    level,
    visible_difference,
)
from pytest_llm_extract.comparison.scores import ALL, Scores, read_scores
from pytest_llm_extract.comparison.summary import VariantSummary, summarize_variant
from pytest_llm_extract.lints.contamination import contaminated_cases
from pytest_llm_extract.lints.lint_report import documents_of
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT
from pytest_llm_extract.results.suite_result import SuiteResult, variants_by_id
from pytest_llm_extract.scoring.advice import advise


class FieldOfTwo(NamedTuple):
    """One field of the first of the two best against the second.

    Intervals of all fields hold together at 1 - alpha. `gained` and `lost` count cases. `p_adj` is that of the claim
    which the page tests, in the direction of the difference; None where neither of the two is the reference.
    """

    field: str
    accuracy: float
    low: float | None
    high: float | None
    gained: int
    lost: int
    p_adj: float | None


class BestTwo(NamedTuple):
    """The cases that separate the two best variants: those that only one of them got right."""

    first: str
    second: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    difference: VariantDifference
    fields: tuple[FieldOfTwo, ...]


class VariantComparison(NamedTuple):
    """Variants of one suite on the cases that all of them have.

    `reference` is the variant that claims and differences are about; claims are in the order of their p_adj. `best` is
    the set of best, `level` the level of each interval. `only_right` names the cases that one variant alone got
    entirely right. `left_out` says by variant why it is not compared; `left_out_cases` why cases are not.
    `recommended` is the cheapest of the best that is within `margin` of the leader; without a margin, the cheapest of
    the best; None where a price is not known. `close` has all that it is chosen from.
    `expected_score` is what the winner gets right on documents that did not choose it. `advice` explains, by variant
    and field, values lost against the reference. `instructions` says what each instruction brings that a variant leaves
    out.
    """

    suite: str
    reference: str
    alpha: float
    level: float
    fields: tuple[str, ...]
    n_cases: int
    n_groups: int
    variants: tuple[VariantSummary, ...]
    best: tuple[str, ...]
    claims: tuple[Claim, ...]
    differences: tuple[VariantDifference, ...]
    best_two: BestTwo | None
    only_right: dict[str, tuple[str, ...]]
    visible_difference: float | None
    expected_score: float | None
    recommended: str | None
    margin: float | None
    left_out: dict[str, str]
    left_out_cases: dict[str, tuple[str, ...]]
    advice: dict[str, dict[str, str]]
    notes: tuple[str, ...]
    instructions: tuple[Instruction, ...] = ()
    close: tuple[str, ...] = ()

    @property
    def leader(self) -> VariantSummary:
        """The variant with the highest score on these cases. It need not be the best on new ones."""
        return max(self.variants, key=lambda variant: variant.score)

    def variant(self, name: str) -> VariantSummary:
        """One of the compared variants."""
        return next(variant for variant in self.variants if variant.name == name)


def compare_suites(suites: Sequence[SuiteResult]) -> list[VariantComparison]:
    """Compare the variants of each suite that ran with several, in their order, at the alpha of their gate.

    Cases that a variant has among its few-shot examples leave the comparison of all.
    """
    return [
        compare_variants(variants, alpha=variants[0].rules.alpha, examples=example_cases(variants))
        for variants in variants_by_id(suites).values()
        if len(variants) > 1
    ]


def example_cases(variants: Sequence[SuiteResult]) -> frozenset[str]:
    """The cases that a variant has among its few-shot examples, as they are or nearly."""
    known = frozenset(case for variant in variants for case in variant.contaminated)
    if not any(variant.may_be_contaminated for variant in variants):
        return known
    return known | contaminated_cases(variants, documents_of(variants[0]))


def primary_of(suites: Sequence[SuiteResult]) -> SuiteResult:
    """What the marker itself says among the variants of a suite; of several files, that of the first."""
    return next((suite for suite in suites if suite.is_primary), suites[0])


def compare_variants(
    suites: Sequence[SuiteResult],
    *,
    alpha: float,
    reference: str | None = None,
    margin: float | None = None,
    examples: Collection[str] = (),
) -> VariantComparison:
    """Compare variants on the cases that all of them have; without any claim where fewer than two can be compared.

    Args:
        suites: one for each variant, the primary first.
        alpha: the error rate of the set of best and of the claims, each.
        reference: the variant to hold the others against; the primary unless named.
        margin: the accuracy that a cheaper variant may lose, in 0..1; None where none was asked for.
        examples: ids of cases that a variant has among its few-shot examples; they leave the comparison.
    """
    left_out = {suite.variant: why for suite in suites if (why := why_incomplete(suite)) is not None}
    chosen = reference or primary_of(suites).variant
    whole = [suite for suite in suites if suite.variant not in left_out]
    compared = sorted(whole, key=lambda suite: suite.variant != chosen)  # the reference first: its fields, its waivers
    if len(compared) < 2 or chosen in left_out:
        return _not_compared(suites, chosen, alpha, left_out, "nothing to compare: fewer than two variants are whole")
    fields = compared_fields(compared)
    cases, left_out_cases = common_cases(compared, examples)
    if not cases or not fields:
        return _not_compared(suites, chosen, alpha, left_out, "nothing to compare: no case or no field in common")
    results = {suite.variant: list(map(_by_id(suite).__getitem__, cases)) for suite in compared}
    scores = read_scores(results, fields)
    variants = tuple(
        summarize_variant(suite, results[suite.variant], fields, scores.share(sum(scores.total[suite.variant])))
        for suite in compared
    )
    best = best_set(scores.total, alpha)
    tested = tested_claims(scores, chosen, fields)
    claims = [claim for claim in tested if claim.p_adj <= alpha]
    close = _close(scores, best, margin, alpha)
    expected = expected_of_winner(scores.total)
    return VariantComparison(
        suite=suites[0].id,
        reference=chosen,
        alpha=alpha,
        level=1 - level(len(compared), alpha),
        fields=tuple(fields),
        n_cases=len(cases),
        n_groups=len(scores.groups),
        variants=variants,
        best=best,
        claims=tuple(sorted(claims, key=lambda claim: (claim.p_adj, claim.variant))),
        differences=find_differences(scores, chosen, fields, alpha),
        best_two=_best_two(scores, fields, alpha, tested),
        only_right=_only_right(results),
        visible_difference=visible_difference(scores, alpha),
        expected_score=None if expected is None else scores.share(expected * len(scores.groups)),
        recommended=_recommended(variants, close),
        margin=margin,
        close=close,
        left_out=left_out,
        left_out_cases=left_out_cases,
        advice=_advice(claims, results, chosen),
        notes=comparison_notes(compared, fields),
        instructions=find_instructions(compared, fields, claims, _moved_fields(scores, chosen, fields)),
    )


def _moved_fields(scores: Scores, reference: str, fields: Sequence[str]) -> dict[str, list[str]]:
    """By variant, the fields in which some case is scored otherwise than with the reference."""
    others = [variant for variant in scores.total if variant != reference]
    return {name: [field for field in fields if any(scores.changes(name, reference, field))] for name in others}


def _not_compared(
    suites: Sequence[SuiteResult], reference: str, alpha: float, left_out: dict[str, str], why: str
) -> VariantComparison:
    return VariantComparison(
        suite=suites[0].id, reference=reference, alpha=alpha, level=1 - alpha, fields=(), n_cases=0, n_groups=0,
        variants=(), best=(), claims=(), differences=(), best_two=None, only_right={}, visible_difference=None,
        expected_score=None, recommended=None, margin=None, left_out=left_out, left_out_cases={}, advice={},
        notes=(why,),
    )  # fmt: skip


def _by_id(suite: SuiteResult) -> dict[str, CaseResult]:
    return {case.id: case for case in suite.cases}


def _best_two(scores: Scores, fields: Sequence[str], alpha: float, tested: Sequence[Claim]) -> BestTwo:
    first, second = sorted(scores.total, key=lambda name: -sum(scores.total[name]))[:2]
    gained, lost = moved(scores, scores.changes(first, second, ALL))
    # Of these two against each other, if one of them is the reference.
    is_turned = all(claim.variant != first for claim in tested)
    other = second if is_turned else first
    p_adj = {(claim.field, claim.direction): claim.p_adj for claim in tested if claim.variant == other}
    has_p = is_turned or all(claim.variant != second for claim in tested)
    by_field = []
    for field in fields:
        _, _, accuracy, low, high = difference(scores, first, second, field, alpha / len(fields))
        p = p_adj[field, "better" if (accuracy > 0) != is_turned else "worse"] if has_p else None
        more, less = moved(scores, scores.changes(first, second, field))
        by_field.append(FieldOfTwo(field, accuracy, low, high, len(more), len(less), p))
    return BestTwo(first, second, gained, lost, difference(scores, first, second, ALL, alpha), tuple(by_field))


def _only_right(results: Mapping[str, Sequence[CaseResult]]) -> dict[str, tuple[str, ...]]:
    """The cases that exactly one variant got entirely right, in all of its samples."""
    exact = {name: {case.id for case in cases if all(s.exact for s in case.samples)} for name, cases in results.items()}
    alone = {
        name: ids.difference(*(others for other, others in exact.items() if other != name))
        for name, ids in exact.items()
    }
    return {name: tuple(sorted(ids)) for name, ids in alone.items() if ids}


def _close(scores: Scores, best: Sequence[str], margin: float | None, alpha: float) -> tuple[str, ...]:
    """The best, and with a margin those of them whose lower limit against the leader is above -margin."""
    leader = max(scores.total, key=lambda name: sum(scores.total[name]))
    return tuple(name for name in best if margin is None or _is_within(scores, name, leader, margin, alpha))


def _recommended(variants: Sequence[VariantSummary], close: Collection[str]) -> str | None:
    """The cheapest of those that are close to the leader; None where a price is not known."""
    near = [variant for variant in variants if variant.name in close]
    if not near or any(variant.usd_per_1000 is None for variant in near):
        return None
    return min(near, key=lambda variant: variant.usd_per_1000 or 0.0).name


def _is_within(scores: Scores, name: str, leader: str, margin: float, alpha: float) -> bool:
    if name == leader:
        return True
    low = difference(scores, name, leader, ALL, level(len(scores.total), alpha)).low
    return low is not None and low > -margin


def _advice(
    claims: Sequence[Claim], results: Mapping[str, Sequence[CaseResult]], reference: str
) -> dict[str, dict[str, str]]:
    """Explain the lost values of a claim: `51 of the 53 lost values match as dates`."""
    hints: dict[str, dict[str, str]] = {}
    for claim in claims:
        if claim.direction == "worse" and claim.field != ALL:
            lost = set(claim.lost)
            samples = [sample for case in results[claim.variant] if case.id in lost for sample in case.samples]
            leaves = [leaf for s in samples for leaf in s.leaves.get(claim.field, ()) if leaf.outcome not in RIGHT]
            if leaves and (text := advise(leaves, "lost")):
                hints.setdefault(claim.variant, {})[claim.field] = text
    return hints
