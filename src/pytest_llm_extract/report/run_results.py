"""What every report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_llm_extract.comparison.compare import VariantComparison, example_cases
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.report.results_json import run_head
from pytest_llm_extract.results.suite_result import SuiteResult, variants_by_id


@dataclass(frozen=True)
class Results:
    """The suites of a run with their decisions, and what compares their variants.

    `run` says when and of which commit, as results.json has it. `folder` is the rootdir, below which results name
    cassettes and documents. `embeds` is True where reports hold the images and PDFs of documents themselves.
    """

    suites: Sequence[tuple[SuiteResult, Decision]]
    comparisons: Sequence[VariantComparison]
    run: Mapping[str, Any]
    folder: Path
    embeds: bool = False
    lints: Sequence[LintReport] = ()


def run_results(
    suites: Sequence[tuple[SuiteResult, Decision]],
    comparisons: Sequence[VariantComparison],
    folder: Path,
    documents: str = "full",
    run: Mapping[str, Any] | None = None,
    lints: Sequence[LintReport] = (),
) -> Results:
    """The results of a run as its reports may show them.

    `documents` is `full`; `embed`, to hold images and PDFs too; or `none`, to hold no document and no request. `run` is
    what is known of the run, None for one that ends now.
    """
    if documents == "none":
        variants = variants_by_id(suite for suite, _ in suites)
        examples = {name: tuple(sorted(example_cases(of_suite))) for name, of_suite in variants.items()}
        suites = [(_without_documents(suite, examples[suite.id]), decision) for suite, decision in suites]
        lints = [report.without_documents() for report in lints]
    return Results(suites, comparisons, run or run_head(suites, folder), folder, documents == "embed", lints)


def _without_documents(suite: SuiteResult, contaminated: tuple[str, ...]) -> SuiteResult:
    cases = tuple(replace(case, input=None, document=None, passages=None, near_examples=()) for case in suite.cases)
    recipe = suite.recipe and suite.recipe.without_documents()
    return suite._replace(cases=cases, recipe=recipe, contaminated=contaminated)
