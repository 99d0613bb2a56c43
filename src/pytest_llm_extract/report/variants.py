"""Show the comparison of a suite's variants, for a terminal."""

from __future__ import annotations

from pytest_llm_extract.comparison.claims import Claim
from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.comparison.differences import VariantDifference
from pytest_llm_extract.comparison.scores import ALL
from pytest_llm_extract.comparison.sentences import (
    best_sentences,
    choice_sentences,
    claim_sentence,
    left_out_sentences,
    points,
)
from pytest_llm_extract.comparison.summary import VariantSummary
from pytest_llm_extract.report.tables import TableRow, table
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.wording import count_cases, percent

_CLAIMS, _CASES = 10, 6  # lines of claims, and cases named in a line


def variants_lines(comparison: VariantComparison, width: int) -> list[str]:
    """The whole comparison: sentences, table, claims, and what separates the best two."""
    notes = [f"note: {printable(text, 400)}" for text in left_out_sentences(comparison)]
    if not comparison.variants:
        return notes
    lines = [printable(text, 400) for text in best_sentences(comparison)]
    lines += [printable(text, 400) for text in choice_sentences(comparison)]
    lines += _variants_table(comparison, width)
    lines += _claims(comparison)
    lines += _best_two(comparison)
    lines += _instructions(comparison)
    for name, cases in comparison.only_right.items():
        lines.append(printable(f"only {name} gets every field right: {_some(cases)}", 400))
    return lines + notes


def _variants_table(comparison: VariantComparison, width: int) -> list[str]:
    """Score, difference to the reference with its interval, unusable answers, tokens and price."""
    versus = f"vs {comparison.reference}"[:20]
    differences = {found.variant: found for found in comparison.differences if found.field == ALL}
    rows = [
        _row(variant, differences.get(variant.name), versus, is_best=variant.name in comparison.best)
        for variant in sorted(comparison.variants, key=lambda one: -one.score)
    ]
    level = percent(round(comparison.level, 4))
    legend = f"score: mean share of right leaves over cases and fields; {level} intervals; ● may be the best"
    counted = f"{count_cases(comparison.n_cases)}; {legend}"
    return [*table(rows, width, "variant", ("tokens", "$/1,000", "unusable", versus)), counted]


def _row(variant: VariantSummary, difference: VariantDifference | None, versus: str, *, is_best: bool) -> TableRow:
    cells = {
        "score": f"{variant.score * 100:.1f}%",
        versus: "" if difference is None else _interval(difference.accuracy, difference.low, difference.high),
        "unusable": str(variant.n_unusable or ""),
        "tokens": _tokens(variant),
        "$/1,000": _price(variant),
        "best": "●" if is_best else "",
    }
    return TableRow(variant.name, cells)


def _interval(difference: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"{difference * 100:+.1f}"
    return f"{difference * 100:+.1f} ({low * 100:+.1f}…{high * 100:+.1f})"


def _tokens(variant: VariantSummary) -> str:
    """Tokens of a document, sent and received."""
    if variant.input_tokens is None or variant.output_tokens is None:
        return ""
    return f"{variant.input_tokens:,.0f}+{variant.output_tokens:,.0f}"


def _price(variant: VariantSummary) -> str:
    return "" if variant.usd_per_1000 is None else f"{variant.usd_per_1000:.2f}"


def _claims(comparison: VariantComparison) -> list[str]:
    """Claims, worst first: a line each, with the advice that explains lost values."""
    if not comparison.claims:
        return [f"no field is better or worse than {printable(comparison.reference, 60)} beyond noise"]
    lines = []
    ordered = sorted(comparison.claims, key=lambda claim: (claim.p_adj, claim.variant))
    for claim in ordered[:_CLAIMS]:
        lines.append(f"  {printable(claim_sentence(claim, comparison.reference), 200)}")
        lines += _hint(comparison, claim)
    more = len(ordered) - _CLAIMS
    return [*lines, *([f"  … and {more} more"] if more > 0 else [])]


def _instructions(comparison: VariantComparison) -> list[str]:
    """What each instruction brings that a variant leaves out."""
    lines = []
    for instruction in comparison.instructions:
        lines += [f"  {printable(instruction.text, 76)}", f"    {printable(instruction.sentence, 200)}"]
    return ["instructions, each left out in turn:", *lines] if lines else []


def _hint(comparison: VariantComparison, claim: Claim) -> list[str]:
    text = comparison.advice.get(claim.variant, {}).get(claim.field) if claim.direction == "worse" else None
    return [f"    hint: {printable(text, 200)}"] if text else []


def _best_two(comparison: VariantComparison) -> list[str]:
    """The cases that tell the two leading variants apart."""
    two = comparison.best_two
    if two is None or not (two.gained or two.lost):
        return []
    first, second = printable(two.first, 60), printable(two.second, 60)
    lines = [f"{first} and {second}, the two that got most right here, differ by {points(two.difference.accuracy)}:"]
    if two.gained:
        lines.append(f"  {first} gets more right in {printable(_some(two.gained), 200)}")
    if two.lost:
        lines.append(f"  {second} gets more right in {printable(_some(two.lost), 200)}")
    return lines


def _some(cases: tuple[str, ...]) -> str:
    shown = ", ".join(printable(case, 30) for case in cases[:_CASES])
    return f"{count_cases(len(cases))}: {shown}" + (", …" if len(cases) > _CASES else "")
