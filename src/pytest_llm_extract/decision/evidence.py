"""What a decision rests on: the variants of one suite, and where each number is in results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pytest_llm_extract.comparison.compare import VariantComparison, compare_suites, primary_of
from pytest_llm_extract.errors import ResultsError
from pytest_llm_extract.lints.lint_report import LintReport, lint_results, linted_by_runs
from pytest_llm_extract.results.aggregate import FieldSummary, summarize
from pytest_llm_extract.results.suite_result import SuiteResult, variants_of

Answer = Literal["yes", "no", "not tried", "not needed", "cannot tell"]


class Statement(NamedTuple):
    """A sentence, and the paths into results.json of the numbers that it rests on; none for what is not known."""

    text: str
    sources: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """One suite with its variants.

    `places` are the places of the variants in `suites` of results.json, `place` that of the comparison, None where
    only one variant ran; `lint_place` that of its lints, None for a suite that is too large to be linted in a run.
    `fields` has the summary of each field by variant. `targets` is the accuracy that a field must reach; empty where
    none was named.
    """

    suites: tuple[SuiteResult, ...]
    places: Mapping[str, int]
    comparison: VariantComparison | None
    place: int | None
    lint: LintReport
    lint_place: int | None
    fields: Mapping[str, Mapping[str, FieldSummary]]
    targets: Mapping[str, float]

    @property
    def primary(self) -> SuiteResult:
        """What the marker itself says."""
        return primary_of(self.suites)

    @property
    def best(self) -> tuple[str, ...]:
        """The set of best; the only variant where there is one."""
        return self.comparison.best if self.comparison else (self.primary.variant,)

    @property
    def leader(self) -> str:
        """The member of the set of best that got most right."""
        return self.comparison.leader.name if self.comparison else self.primary.variant

    def suite(self, variant: str) -> SuiteResult:
        """The results of one variant."""
        return next(suite for suite in self.suites if suite.variant == variant)

    def of_suite(self, variant: str, path: str) -> str:
        """Where a value of a variant is in results.json."""
        return f"suites[{self.places[variant]}].{path}"

    def of_field(self, variant: str, field: str, name: str) -> str:
        """Where a number of a field is in results.json."""
        return self.of_suite(variant, f'fields["{field}"].{name}')

    def of_comparison(self, path: str) -> str:
        """Where a value of the comparison is in results.json."""
        return f"comparison[{self.place}].{path}"

    def of_summary(self, variant: str, name: str) -> str:
        """Where a number of a compared variant is in results.json."""
        assert self.comparison is not None
        names = [summary.name for summary in self.comparison.variants]
        return self.of_comparison(f"variants[{names.index(variant)}].{name}")

    def of_lint(self, path: str) -> str:
        """Where a value of the lints is in results.json, or what they were made from."""
        if self.lint_place is None:
            return self.of_suite(self.primary.variant, "cases[*].input")
        return f"lint[{self.lint_place}].{path}"

    def score(self, variant: str) -> float | None:
        """What a variant gets right, in 0..1; None where it is not compared."""
        if self.comparison is None:
            return None
        return next((one.score for one in self.comparison.variants if one.name == variant), None)


def gather(suites: Sequence[SuiteResult], suite_id: str | None, target: float | None, name: str) -> Evidence:
    """The evidence for one suite of a run, with the places that its numbers have in results.json.

    `suites` are those of the whole run, in the order of the file `name`. `suite_id` is None where there is one only.
    `target` is the accuracy that every field must reach, None for the floors of the suite.

    Raises:
        ResultsError: there is no such suite, several and none was named, or it ran in part.
    """
    mine = variants_of(suites, suite_id, name)
    comparison = next(iter(compare_suites(mine)), None)
    primary = primary_of(mine)
    if not primary.complete or (comparison is not None and not comparison.variants):
        raise ResultsError(name, f"{mine[0].id} ran in part, or its variants are not recorded: run it whole first")
    [lint] = lint_results(_whole(mine, comparison))
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

    `suites` are those of the whole run, in the order of the file, `mine` the variants of the suite, whose primary ran
    whole. `comparison` is None where there is one only. `target` is that of `gather`.
    """
    ids = list(dict.fromkeys(suite.id for suite in suites))
    several = [one for one in ids if sum(suite.id == one for suite in suites) > 1]
    chosen, primary = mine[0].id, primary_of(mine)
    linted = list(dict.fromkeys(suite.id for suite in linted_by_runs(suites)))
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
