"""`llm-extract markdown`: write the Markdown report of existing results."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.comparison.compare import compare_suites
from pytest_llm_extract.errors import ResultsError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.gate.decide import decide, summarize_only
from pytest_llm_extract.lints.lint_report import lint_results
from pytest_llm_extract.report.markdown import markdown
from pytest_llm_extract.report.results_json import read_input, read_results


@click.command(name="markdown", short_help="render results.json as Markdown")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file; default: print."
)
def command(files: tuple[Path, ...], output: Path | None) -> None:
    """Render results.json files as Markdown, for a job summary or a comment on a pull request.

    \b
    Example:
      llm-extract markdown results.json -o comment.md

    The same text as --llm-extract-markdown=PATH writes; at most 60,000 characters. Exit status: 0 it was written, 2 an
    input cannot be read.
    """
    suites = [suite for path in files for suite in read_results(read_input(path), str(path))]
    judged = [(suite, decide(suite) if suite.is_gated else summarize_only(suite)) for suite in suites]
    alpha = suites[0].rules.alpha if suites else 0.05
    text = markdown(judged, compare_suites(suites, alpha), lint_results([suite for suite in suites if suite.complete]))
    if output is None:
        echo(*text.splitlines())
        return
    try:
        write_atomically(output, text)
    except OSError as error:
        raise ResultsError(str(output), f"cannot be written: {reason(error)}") from None
