"""`llm-extract lint`: what is wrong with golden data and few-shot examples."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from pytest_llm_extract.cli.collected import Collected, collect
from pytest_llm_extract.cli.output import echo, echo_error, echo_json
from pytest_llm_extract.corpus.schema_reference import load_schema
from pytest_llm_extract.dataset import load_cases
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.errors import ResultsError, UsageError
from pytest_llm_extract.lints.contamination import ShownExamples
from pytest_llm_extract.lints.documents import golden_documents
from pytest_llm_extract.lints.finding import SETTLED, read_settled, settle
from pytest_llm_extract.lints.lint_report import LintReport, lint, lint_results
from pytest_llm_extract.report.lint_findings import lint_lines
from pytest_llm_extract.report.results_json import read_input, read_results
from pytest_llm_extract.suites.suite import Suite

_GOLDEN_DATA = (".jsonl", ".csv", ".yaml", ".yml")  # a .json is a results.json


@click.command(name="lint")
@click.argument("paths", nargs=-1)
@click.option("--schema", metavar="MODULE:MODEL", help="Lint a file of golden data: its pydantic model.")
@click.option("--settle", "keys", metavar="KEY[,KEY]", help="Findings that are right as they are; needs --because.")
@click.option("--because", metavar="TEXT", help="Why they are right.")
@click.option("--settled", "file", type=click.Path(dir_okay=False, path_type=Path), help="File of settled findings.")
@click.option("--all", "every", is_flag=True, help="Show every finding, not the first twelve of a kind.")
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON.")
def command(
    paths: tuple[str, ...],
    schema: str | None,
    keys: str | None,
    because: str | None,
    file: Path | None,
    every: bool,
    as_json: bool,
) -> None:
    """Look through the golden data of suites: PATHS are test files, a results.json, or golden data with --schema.

    \b
    Example:
      llm-extract lint
      llm-extract lint results.json                (also labels that every variant contradicts)
      llm-extract lint gold.jsonl --schema myapp.invoices:Invoice
      llm-extract lint --settle 3f2a91c0 --because "two invoices of one day"

    It finds few-shot examples that are also cases; documents that are empty, cut off, decoded wrongly, there twice or
    nearly so, or too long for the model; gold that does not occur in its document or contradicts itself; fields with
    few labels or one.

    A settled finding is kept in settled.jsonl in the folder of cassettes; commit it. The finding comes back when its
    document or label changes. Exit status: 0 nothing was found, 1 something was, 2 wrong arguments or unreadable input.
    """
    if (keys is None) != (because is None):
        raise UsageError("--settle", "needs --because, and the other way round: say why the findings are right")
    reports, place = _reports(paths, schema, file)
    if keys is not None:
        _settle(place, reports, [key.strip() for key in keys.split(",") if key.strip()], because or "")
        reports, _ = _reports(paths, schema, file)
    if as_json:
        echo_json(reports)
    else:
        width = shutil.get_terminal_size().columns
        for report in reports:
            echo(*lint_lines(report, width, every=every))
    raise SystemExit(int(any(report.findings for report in reports)))


def _reports(paths: Sequence[str], schema: str | None, file: Path | None) -> tuple[list[LintReport], Path]:
    """The reports of what was named, and the file of settled findings."""
    place = file or Path("cassettes") / SETTLED
    if schema is not None:
        if not paths:
            raise UsageError("--schema", "goes with a file of golden data")
        return [_lint_file(Path(path), schema, read_settled(place)) for path in paths], place
    if paths and all(path.endswith(".json") for path in paths):
        suites = [suite for path in paths for suite in read_results(read_input(Path(path)), path)]
        known = read_settled(place)
        return lint_results([suite._replace(settled=(*suite.settled, *known)) for suite in suites]), place
    if data := [path for path in paths if Path(path).suffix in _GOLDEN_DATA]:
        raise UsageError(data[0], "is golden data: name its model with --schema MODULE:MODEL")
    collected = collect(paths)
    if not collected.suites and collected.errors:
        raise UsageError("pytest", collected.errors[0])
    for error in collected.errors:
        echo_error(f"not linted: {error}")
    place = file or collected.settings.cassettes / SETTLED
    return _lint_suites(collected, read_settled(place)), place


def _lint_suites(collected: Collected, settled: Sequence[str]) -> list[LintReport]:
    """One report for each suite, over its variants; findings that an earlier suite has are left out."""
    by_id: dict[str, list[Suite]] = {}
    for suite in collected.suites:
        by_id.setdefault(suite.id, []).append(suite)
    reports, seen = [], set(settled)
    for name, variants in by_id.items():
        first = variants[0]
        models = dict.fromkeys(variant.call.model for variant in variants if variant.call)
        documents = golden_documents(first.schema, first.cases)
        report = lint(name, documents, first.schema.paths, _shown(variants), list(models), settled=settled)
        fresh = tuple(finding for finding in report.findings if finding.key not in seen)
        seen.update(finding.key for finding in fresh)
        reports.append(report._replace(findings=fresh))
    return reports


def _shown(variants: Sequence[Suite]) -> list[ShownExamples]:
    """The examples of each variant. Those that a callable finds for a case are known to a run only."""
    return [
        ShownExamples(
            suite.variant,
            suite.call.recipe.examples,
            {golden.case.id: near for golden in suite.cases if (near := suite.call.near_examples(golden.case.id))},
        )
        for suite in variants
        if suite.call
    ]


def _lint_file(path: Path, schema: str, settled: Sequence[str]) -> LintReport:
    read = load_schema(schema)
    golden = read_golden(load_cases(path, str(path)), read, str(path))
    return lint(path.name, golden_documents(read, golden), read.paths, settled=settled)


def _settle(place: Path, reports: Sequence[LintReport], keys: Sequence[str], because: str) -> None:
    """Keep these findings as settled.

    Raises:
        ResultsError: there is no finding of a key.
    """
    known = {finding.key: finding for report in reports for finding in report.findings}
    for key in keys:
        if key not in known:
            raise ResultsError("--settle", f"no finding {key!r}; `llm-extract lint --all` lists them")
    if not because.strip():
        raise ResultsError("--because", "must say why the findings are right")
    settle(place, [known[key] for key in keys], because.strip())
