"""`llm-extract html`, `markdown` and `codequality`: reports of results that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.comparison.compare import VariantComparison, compare_suites
from pytest_llm_extract.config.options import DOCUMENTS
from pytest_llm_extract.gate.decide import Decision, decide
from pytest_llm_extract.lints.lint_report import LintReport, lint_results, linted_by_runs
from pytest_llm_extract.report.markdown import markdown as as_markdown
from pytest_llm_extract.report.registry import write_report
from pytest_llm_extract.report.results_json import read_input, read_results, read_run
from pytest_llm_extract.report.run_results import Results, run_results
from pytest_llm_extract.results.suite_result import SuiteResult

_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="html")
@_FILES
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
    "--documents", default="full", show_default=True, type=click.Choice(DOCUMENTS), help="What the page holds of them."
)
def html(files: tuple[Path, ...], output: Path, rootdir: Path, documents: str) -> None:
    """Render results.json files as one page, with a section for each suite.

    \b
    Example:
      llm-extract html results.json -o report.html
      llm-extract html main.json branch.json -o report/

    This is the report that --llm-extract-html=PATH writes. Requests are read from the cassettes that the results name;
    a cassette that is not there is left out. Exit status: 0 it was written, 2 an input cannot be read.
    """
    note = write_report("html", output, read_files(files, rootdir, documents))
    if note is not None:
        echo(f"note: {note}", err=True)


@click.command(name="markdown")
@_FILES
@click.option("--output", "-o", type=_FILE, help="Write to a file; default: print.")
def markdown(files: tuple[Path, ...], output: Path | None) -> None:
    """Render results.json files as Markdown, for a job summary or a comment on a pull request.

    \b
    Example:
      llm-extract markdown results.json -o comment.md

    This is the text that --llm-extract-markdown=PATH writes: at most 60,000 characters. Exit status: 0 it was written,
    2 an input cannot be read.
    """
    results = read_files(files)
    if output is not None:
        write_report("markdown", output, results)
    else:
        echo(*as_markdown(results.suites, results.comparisons, results.lints).splitlines())


@click.command(name="codequality")
@_FILES
@click.option("--output", "-o", required=True, type=_FILE, help="The file to write.")
def codequality(files: tuple[Path, ...], output: Path) -> None:
    """Render results.json files as a Code Quality report for a merge request of GitLab.

    \b
    Example:
      llm-extract merge shard-*.json -o results.json
      llm-extract codequality results.json -o quality.json

    This is the report that --llm-extract-codequality=PATH writes: an issue for each wrong value. Exit status: 0 it was
    written, 2 an input cannot be read.
    """
    write_report("codequality", output, read_files(files))


def read_files(files: Sequence[Path], rootdir: Path = Path(), documents: str = "full") -> Results:
    """Read results.json files, and decide, compare and lint as the run did; the first one says when the run was.

    Results name cassettes and documents below `rootdir`. `documents` is what reports hold of them, one of DOCUMENTS.

    Raises:
        ResultsError: a file cannot be read.
    """
    judged: list[tuple[SuiteResult, Decision]] = []
    comparisons: list[VariantComparison] = []
    lints: list[LintReport] = []
    texts = [(str(path), read_input(path)) for path in files]
    for name, text in texts:
        suites = read_results(text, name)
        judged += [(suite, decide(suite)) for suite in suites]
        comparisons += compare_suites(suites)
        lints += lint_results(linted_by_runs(suites))
    return run_results(judged, comparisons, rootdir.absolute(), documents, read_run(texts[0][1]), lints)
