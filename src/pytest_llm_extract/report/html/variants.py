"""The variants of a suite against each other: sentences, picture, table."""

from __future__ import annotations

from pytest_llm_extract.comparison.compare import VariantComparison
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
from pytest_llm_extract.report.html.figures import scatter
from pytest_llm_extract.report.html.markup import Html, join, table, tag
from pytest_llm_extract.wording import count_cases

_CLAIMS, _OPEN = 20, 6  # claims that are listed, and as many as are not folded


def variants_section(comparison: VariantComparison) -> Html:
    """What may be said, the picture of score against cost, and the table."""
    said = [*best_sentences(comparison), *choice_sentences(comparison)] if comparison.variants else []
    parts = [tag("h3", "Variants"), tag("ul", *(tag("li", text) for text in said), class_="reasons") if said else None]
    if comparison.variants:
        parts += [scatter(comparison), _table(comparison), _claims(comparison), _apart(comparison)]
    left_out = [tag("li", text) for text in left_out_sentences(comparison)]
    return join(*parts, tag("ul", *left_out, class_="notes") if left_out else None)


def _claims(comparison: VariantComparison) -> Html | None:
    if not comparison.claims:
        return tag("p", f"No field is better or worse than {comparison.reference} beyond noise.", class_="about")
    lines = [tag("li", claim_sentence(claim, comparison.reference)) for claim in comparison.claims[:_CLAIMS]]
    head = f"What differs from {comparison.reference}: {len(comparison.claims)}"
    return tag("details", tag("summary", head), tag("ul", *lines), open=len(comparison.claims) <= _OPEN)


def _apart(comparison: VariantComparison) -> Html | None:
    """What separates the two that got most right, and who alone gets a case entirely right."""
    said = [*best_two_sentences(comparison), *alone_sentences(comparison)]
    return tag("ul", *(tag("li", text) for text in said)) if said else None


def _table(comparison: VariantComparison) -> Html:
    differences = {difference.variant: difference for difference in comparison.differences if difference.field == ALL}
    rows = []
    for variant in sorted(comparison.variants, key=lambda one: -one.score):
        difference, tokens = differences.get(variant.name), (variant.input_tokens, variant.output_tokens)
        cells = (
            f"{variant.score * 100:.1f}%",
            "" if difference is None else interval_in_points(difference),
            str(variant.n_unusable or ""),
            "" if tokens[0] is None or tokens[1] is None else f"{tokens[0]:,.0f} + {tokens[1]:,.0f}",
            "" if variant.usd_per_1000 is None else f"{variant.usd_per_1000:.2f}",
            "" if variant.latency_median_s is None else f"{variant.latency_median_s:.2f}",
            "may be the best" if variant.name in comparison.best else "",
        )
        name = tag("th", variant.name, scope="row")
        rows.append([name, *(tag("td", cell, class_="number") for cell in cells)])
    head = ("variant", "score", f"against {comparison.reference}, in points", "unusable answers", "tokens in + out")
    return table(
        f"Variants on {count_cases(comparison.n_cases)}", (*head, "$ for 1,000", "seconds, median", "set of best"), rows
    )
