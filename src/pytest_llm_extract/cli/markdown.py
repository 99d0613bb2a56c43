"""`llm-extract markdown`: write the Markdown report of existing results."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.cli.results_files import read_files
from pytest_llm_extract.report.markdown import markdown
from pytest_llm_extract.report.registry import write_report


@click.command(name="markdown")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file; default: print."
)
def command(files: tuple[Path, ...], output: Path | None) -> None:
    """Render results.json files as Markdown, for a job summary or a comment on a pull request.

    \b
    Example:
      llm-extract markdown results.json -o comment.md

    This is the text that --llm-extract-markdown=PATH writes: at most 60,000 characters. Exit status: 0 it was written,
    2 an input cannot be read.
    """
    results = read_files(files, Path())
    if output is not None:
        write_report("markdown", output, results)
    else:
        echo(*markdown(results.suites, results.comparisons, results.lints).splitlines())
