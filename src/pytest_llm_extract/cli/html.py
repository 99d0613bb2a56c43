"""`llm-extract html`: the report for a browser of results that are there already."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.comparison.compare import VariantComparison, compare_suites
from pytest_llm_extract.config.settings import DOCUMENTS
from pytest_llm_extract.gate.decide import Decision, decide, summarize_only
from pytest_llm_extract.lints.lint_report import LintReport, lint_results
from pytest_llm_extract.report.registry import write_report
from pytest_llm_extract.report.results_json import read_input, read_results, read_run
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.results.suite_result import SuiteResult


@click.command(name="html", short_help="render results.json as a page for a browser")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path), help="A file that ends in .html, or a folder."
)
@click.option(
    "--rootdir",
    default=".",
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that results name cassettes and documents below.",
)
@click.option(
    "--documents", default="full", show_default=True, type=click.Choice(DOCUMENTS), help="What to hold of them."
)
def command(files: tuple[Path, ...], output: Path, rootdir: Path, documents: str) -> None:
    """Render results.json files as one page, with a section for each suite.

    \b
    Example:
      llm-extract html results.json -o report.html
      llm-extract html main.json branch.json -o report/

    The same report as --llm-extract-html=PATH writes. Requests are read from the cassettes that the results name; a
    cassette that is not there is left out. Exit status: 0 it was written, 2 an input cannot be read.
    """
    judged: list[tuple[SuiteResult, Decision]] = []
    comparisons: list[VariantComparison] = []
    lints: list[LintReport] = []
    texts = [(str(path), read_input(path)) for path in files]
    for name, text in texts:
        suites = read_results(text, name)
        judged += [(suite, decide(suite) if suite.is_gated else summarize_only(suite)) for suite in suites]
        comparisons += compare_suites(suites, suites[0].rules.alpha if suites else 0.05)
        lints += lint_results([suite for suite in suites if suite.complete])
    results = run_results(judged, comparisons, rootdir.absolute(), documents, read_run(texts[0][1]), lints)
    note = write_report("html", output, results)
    if note is not None:
        echo(f"note: {note}", err=True)
