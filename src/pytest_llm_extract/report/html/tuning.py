"""Whether fine-tuning is due, folded below the variants: what `llm-extract decide` says of the same results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_llm_extract.comparison.compare import VariantComparison, primary_of
from pytest_llm_extract.decision.conclude import TuningDecision, conclude
from pytest_llm_extract.decision.costs import Assumptions
from pytest_llm_extract.decision.evidence import Statement, assemble
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.report.html.markup import Html, join, table, tag
from pytest_llm_extract.report.tuning import SourceNumbers, tuning_headline
from pytest_llm_extract.results.suite_result import SuiteResult

_LEGEND = (
    "Some variant right: prompting, routing or a vote reaches it. In the document: no variant is right, so tuning may "
    "help. Not in the document: label, OCR or knowledge."
)


def decide_tuning(
    suites: Sequence[SuiteResult], mine: Sequence[SuiteResult], comparison: VariantComparison, lint: LintReport
) -> TuningDecision | None:
    """The decision for a suite with variants, against its floors; None where they did not run whole.

    `suites` are those of the whole run, in the order of results.json, `mine` the variants of the suite.
    """
    primary = primary_of(mine)
    if not primary.complete or not comparison.variants:
        return None
    return conclude(assemble(suites, mine, comparison, lint, None), Assumptions())


def tuning_section(decision: TuningDecision) -> Html:
    """The conclusion and what to do first; folded, the questions, the ceiling, the reasons and the sources."""
    sources = SourceNumbers()
    head = tag("p", tag("strong", f"Fine-tuning {tuning_headline(decision)}."), " ", _first(decision, sources))
    questions = [
        tag("li", tag("strong", f"{one.asked} {one.answer.capitalize()}."), _listed(one.statements, sources))
        for one in decision.questions
    ]
    reasons = [
        tag("li", tag("strong", f"{reason.name} ({reason.speaks})"), ": ", sources.cite(reason.statement))
        for reason in decision.reasons
    ]
    steps = decision.next_steps[1:]
    folded = tag(
        "details",
        tag("summary", "Five questions, what prompting can reach, and four reasons"),
        join(tag("h4", "Then"), _listed(steps, sources)) if steps else None,
        tag("h4", "Before fine-tuning"),
        tag("ol", *questions),
        tag("h4", "What prompting can reach"),
        _ceilings(decision),
        tag("p", _LEGEND, class_="about"),
        tag("h4", "Reasons for and against"),
        tag("ul", *reasons),
        tag("p", "Numbers in results.json: " + "; ".join(sources.lines()), class_="about"),
        tag("p", "With a target, volume and prices of your own: llm-extract decide results.json", class_="about"),
    )
    return join(tag("h3", "Is fine-tuning due?"), head, folded)


def _first(decision: TuningDecision, sources: SourceNumbers) -> str:
    return f"Next: {sources.cite(decision.next_steps[0])}." if decision.next_steps else ""


def _listed(statements: Iterable[Statement], sources: SourceNumbers) -> Html:
    return tag("ul", *(tag("li", sources.cite(statement)) for statement in statements))


def _ceilings(decision: TuningDecision) -> Html:
    rows = [
        [
            tag("th", ceiling.field, scope="row"),
            *(
                tag("td", text, class_="number")
                for text in (
                    str(ceiling.n),
                    f"{ceiling.right} ({ceiling.reached * 100:.0f}%)",
                    *(str(n or "") for n in ceiling[2:]),
                )
            ),
        ]
        for ceiling in decision.ceilings
    ]
    head = ("field", "gold values", "some variant right", "in the document", "not in the document", "gold contradicts")
    return table("Gold values by what became of them over all variants", (*head, "not searchable"), rows)
