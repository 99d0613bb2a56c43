"""Show the comparison of a suite's variants, for a terminal."""

from __future__ import annotations

from pytest_llm_extract.comparison.claims import Claim
from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.comparison.differences import VariantDifference
from pytest_llm_extract.comparison.scores import ALL
from pytest_llm_extract.comparison.sentences import (
    alone_sentences,
    best_sentences,
    best_two_sentences,
    choice_sentences,
    claim_sentence,
    interval_in_points,
    left_out_sentences,
)
from pytest_llm_extract.comparison.summary import VariantSummary
from pytest_llm_extract.report.tables import TableRow, table
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.wording import count_cases, percent

_CLAIMS = 10  # lines of claims


def variants_lines(comparison: VariantComparison, width: int) -> list[str]:
    """The whole comparison: sentences, table, claims, and what separates the best two."""
    notes = [f"note: {printable(text, 400)}" for text in left_out_sentences(comparison)]
    if not comparison.variants:
        return notes
    lines = [printable(text, 400) for text in best_sentences(comparison)]
    lines += [printable(text, 400) for text in choice_sentences(comparison)]
    lines += _variants_table(comparison, width)
    lines += _claims(comparison)
    two, *apart = [printable(text, 400) for text in best_two_sentences(comparison)] or [""]
    lines += [f"{two}:", *(f"  {text}" for text in apart)] if two else []
    lines += _instructions(comparison)
    lines += [printable(text, 400) for text in alone_sentences(comparison)]
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
        versus: "" if difference is None else interval_in_points(difference),
        "unusable": str(variant.n_unusable or ""),
        "tokens": _tokens(variant),
        "$/1,000": _price(variant),
        "best": "●" if is_best else "",
    }
    return TableRow(variant.name, cells)


def _tokens(variant: VariantSummary) -> str:
    """Tokens of a document, sent and received."""
    if variant.input_tokens is None or variant.output_tokens is None:
        return ""
    return f"{variant.input_tokens:,.0f}+{variant.output_tokens:,.0f}"


def _price(variant: VariantSummary) -> str:
    return "" if variant.usd_per_1000 is None else f"{variant.usd_per_1000:.2f}"


def _claims(comparison: VariantComparison) -> list[str]:
    """Claims, the surest first: a line each, with the advice that explains lost values."""
    if not comparison.claims:
        return [f"no field is better or worse than {printable(comparison.reference, 60)} beyond noise"]
    lines = []
    for claim in comparison.claims[:_CLAIMS]:
        lines.append(f"  {printable(claim_sentence(claim, comparison.reference), 200)}")
        lines += _hint(comparison, claim)
    more = len(comparison.claims) - _CLAIMS
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
