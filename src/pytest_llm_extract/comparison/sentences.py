"""The sentences about a comparison: only those that its tests and intervals license."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llm_extract.comparison.claims import Claim
from pytest_llm_extract.comparison.compare import BestTwo, FieldOfTwo, VariantComparison
from pytest_llm_extract.comparison.differences import VariantDifference
from pytest_llm_extract.comparison.scores import ALL
from pytest_llm_extract.wording import count_cases, percent, some_names

_EACH = 5  # variants that have a sentence of their own; more of them share one


def best_sentences(comparison: VariantComparison) -> list[str]:
    """Which variants may be the best, and what the data cannot tell apart."""
    best, level = comparison.best, percent(1 - comparison.alpha)
    if len(best) == 1:
        lines = [f"{best[0]} is the only variant in the set of best ({level})"]
    elif len(best) == len(comparison.variants):
        lines = [
            f"no variant can be ruled out as the best with {count_cases(comparison.n_cases)} ({level})"
            + _visible(comparison)
        ]
    elif len(best) <= _EACH:
        lines = [f"{_joined(best)} are in the set of best ({level}); the others are not"]
    else:
        n = len(comparison.variants)
        lines = [f"{len(best)} of {n} variants are in the set of best ({level}): {some_names(best)}"]
    return lines + _apart(comparison)


def claim_sentence(claim: Claim, reference: str) -> str:
    """`few_shot beats the primary on file_date: +11 cases, −0, p_adj 0.004`."""
    verb = "beats" if claim.direction == "better" else "is worse than"
    where = "over all fields" if claim.field == ALL else f"on {claim.field}"
    return (
        f"{claim.variant} {verb} {reference} {where}: +{count_cases(len(claim.gained))}, −{len(claim.lost)}, "
        f"p_adj {claim.p_adj:.3g}"
    )


def choice_sentences(comparison: VariantComparison) -> list[str]:
    """Say which variant to take if prices are known, and what to expect of it on new documents."""
    lines = _within_margin(comparison) if comparison.margin is not None else []
    if comparison.recommended is not None:
        usd = comparison.variant(comparison.recommended).usd_per_1000
        those = "the best" if comparison.margin is None else "those"
        lines.append(f"{comparison.recommended}: cheapest of {those} (${usd:,.2f} for 1,000 documents)")
    elif comparison.margin is not None:
        lines.append("none is recommended, since a price is not known")
    if comparison.expected_score is not None and len(comparison.variants) > 2:
        lines.append(
            f"the best of {len(comparison.variants)} scores {comparison.leader.score * 100:.1f}% on these cases; "
            f"on new documents, expect {comparison.expected_score * 100:.1f}%"
        )
    return lines


def _within_margin(comparison: VariantComparison) -> list[str]:
    """Which variants lose less than the margin against the leader, by their intervals."""
    leader, by = comparison.leader.name, f"by more than {points(comparison.margin or 0.0)}"
    others = [name for name in comparison.close if name != leader]
    if len(others) > _EACH:
        return [f"{len(others)} variants are not worse than {leader} {by}: {some_names(others)}"]
    said = [f"{name} is not worse than {leader} {by}" for name in others]
    return said or [f"no variant is known not to be worse than {leader} {by}"]


def best_two_sentences(comparison: VariantComparison) -> list[str]:
    """What separates the two that got most right: the fields with the largest differences, and the cases."""
    two = comparison.best_two
    if two is None or not (two.gained or two.lost):
        return []
    first, second = two.first, two.second
    lines = [f"{first} and {second}, the two that got most right here, differ by {points(two.difference.accuracy)}"]
    ordered = sorted((found for found in two.fields if found.accuracy), key=lambda found: -found.accuracy)
    lines += [_field_of_two(two, found, comparison.alpha) for found in ordered[:1] if found.accuracy > 0]
    lines += [_field_of_two(two, found, comparison.alpha) for found in ordered[-1:] if found.accuracy < 0]
    for name, cases in ((first, two.gained), (second, two.lost)):
        if cases:
            lines.append(f"{name} gets more right in {count_cases(len(cases))}: {some_names(cases)}")
    return lines


def _field_of_two(two: BestTwo, found: FieldOfTwo, alpha: float) -> str:
    """`furthest behind on number: -25 (-48.8…+1.1), +2 cases, −12, p_adj 0.0736: may be noise`."""
    where = "furthest ahead" if found.accuracy > 0 else "furthest behind"
    p = "" if found.p_adj is None else f", p_adj {found.p_adj:.3g}"
    is_open = found.low is None or found.high is None or found.low <= 0 <= found.high
    noise = ": may be noise" if (is_open if found.p_adj is None else found.p_adj > alpha) else ""
    moves = f"+{count_cases(found.gained)}, −{found.lost}"
    return f"{two.first} is {where} on {found.field}: {interval_in_points(found)}, {moves}{p}{noise}"


def alone_sentences(comparison: VariantComparison) -> list[str]:
    """The cases that one variant alone gets entirely right."""
    return [
        f"only {name} gets every field right: {count_cases(len(cases))}: {some_names(cases)}"
        for name, cases in comparison.only_right.items()
    ]


def interval_in_points(difference: VariantDifference | FieldOfTwo) -> str:
    """`+25.0 (+8.5…+40.8)`: a difference in points with its interval."""
    shown = f"{difference.accuracy * 100:+.1f}"
    if difference.low is None or difference.high is None:
        return shown
    return f"{shown} ({difference.low * 100:+.1f}…{difference.high * 100:+.1f})"


def left_out_sentences(comparison: VariantComparison) -> list[str]:
    """Name the variants and cases that are not compared, with the reasons."""
    by_reason: dict[str, list[str]] = {}
    for name, why in comparison.left_out.items():
        by_reason.setdefault(why, []).append(name)
    lines = [f"{_named(names)}: {why}, not compared" for why, names in by_reason.items()]
    lines += [
        f"{count_cases(len(cases))} not compared ({why}): {some_names(cases)}"
        for why, cases in comparison.left_out_cases.items()
    ]
    return lines + list(comparison.notes)


def points(difference: float) -> str:
    """`2 points`, `0.7 points`: a difference in accuracy as percentage points."""
    value = f"{abs(difference) * 100:.1f}".removesuffix(".0")
    return f"{value} point{'' if value == '1' else 's'}"


def _visible(comparison: VariantComparison) -> str:
    if comparison.visible_difference is None:
        return ""
    return f"; a difference of less than about {points(comparison.visible_difference)} is not visible"


def _apart(comparison: VariantComparison) -> list[str]:
    """By how much the set of best may differ from the reference, if the reference is in the set."""
    if comparison.reference not in comparison.best:
        return []
    reference, cases = comparison.reference, count_cases(comparison.n_cases)
    others = [name for name in comparison.best if name != reference]
    at_most = {
        difference.variant: max(abs(difference.low), abs(difference.high))
        for difference in comparison.differences
        if difference.field == ALL
        and difference.variant in others
        and difference.low is not None
        and difference.high is not None
    }
    apart = f"cannot be told apart with {cases}; they differ by at most"
    if len(at_most) <= _EACH:
        return [f"{name} and {reference} {apart} {points(most)}" for name, most in at_most.items()]
    (nearest, least), *_, (farthest, most) = sorted(at_most.items(), key=lambda item: item[1])
    span = f"{points(least)} ({nearest}) to {points(most)} ({farthest})"
    return [f"{reference} and each of the {len(at_most)} others {apart} {span}"]


def _named(names: Sequence[str]) -> str:
    """A few names, and how many they are where some are not among them."""
    return some_names(names) + (f" ({len(names)} variants)" if len(names) > _EACH else "")


def _joined(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
