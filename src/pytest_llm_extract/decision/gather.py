"""The suites of a results.json become the evidence for one decision."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llm_extract.comparison.compare import VariantComparison, compare_suites, primary_of
from pytest_llm_extract.decision.evidence import Evidence
from pytest_llm_extract.errors import ResultsError, did_you_mean
from pytest_llm_extract.lints.lint_report import MOST, LintReport, lint_results
from pytest_llm_extract.results.aggregate import summarize
from pytest_llm_extract.results.suite_result import SuiteResult


def gather(suites: Sequence[SuiteResult], suite_id: str | None, target: float | None, name: str) -> Evidence:
    """The evidence for one suite of a run, with the places that its numbers have in results.json.

    Args:
        suites: of the whole run, in the order of the file.
        suite_id: which suite; None where there is one only.
        target: the accuracy that every field must reach; None for the floors of the suite.
        name: of the file, for errors.

    Raises:
        ResultsError: there is no such suite, several and none was named, or it ran in part.
    """
    ids = list(dict.fromkeys(suite.id for suite in suites))
    if suite_id is None and len(ids) > 1:
        raise ResultsError(name, f"has several suites: name one with --suite ({', '.join(ids)})")
    if not ids or (suite_id is not None and suite_id not in ids):
        raise ResultsError(name, f"has no suite {suite_id!r}.{did_you_mean(suite_id or '', ids)}")
    chosen = suite_id or ids[0]
    mine = [suite for suite in suites if suite.id == chosen]
    comparison = next(iter(compare_suites(mine, mine[0].rules.alpha)), None)
    primary = primary_of(mine)
    if not primary.complete or (comparison is not None and not comparison.variants):
        raise ResultsError(name, f"{chosen} ran in part, or its variants are not recorded: run it whole first")
    [lint] = lint_results(_whole(mine, comparison), None)
    return assemble(suites, mine, comparison, lint, target)


def _whole(mine: Sequence[SuiteResult], comparison: VariantComparison | None) -> list[SuiteResult]:
    """The variants that are compared."""
    return [suite for suite in mine if comparison is None or suite.variant not in comparison.left_out]


def assemble(
    suites: Sequence[SuiteResult],
    mine: Sequence[SuiteResult],
    comparison: VariantComparison | None,
    lint: LintReport,
    target: float | None,
) -> Evidence:
    """The evidence for one suite, from a comparison and lints that were made before.

    Args:
        suites: of the whole run, in the order of the file.
        mine: the variants of the suite; its primary ran whole.
        comparison: of its variants, None where there is one only.
        lint: of its golden data.
        target: the accuracy that every field must reach; None for the floors of the suite.
    """
    ids = list(dict.fromkeys(suite.id for suite in suites))
    several = [one for one in ids if sum(suite.id == one for suite in suites) > 1]
    chosen, primary = mine[0].id, primary_of(mine)
    linted = list(dict.fromkeys(suite.id for suite in suites if suite.complete and len(suite.cases) <= MOST))
    floors = {path: float(f.rates["accuracy"]) for path, f in primary.rules.floors.items() if "accuracy" in f.rates}
    whole = _whole(mine, comparison)
    return Evidence(
        suites=tuple(whole),
        places={suite.variant: at for at, suite in enumerate(suites) if suite.id == chosen},
        comparison=comparison,
        place=several.index(chosen) if comparison is not None else None,
        lint=lint,
        lint_place=linted.index(chosen) if chosen in linted else None,
        fields={suite.variant: summarize(suite.paths, suite.cases) for suite in whole},
        targets=floors if target is None else dict.fromkeys(primary.paths, target),
    )
