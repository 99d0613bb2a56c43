"""`llm-extract codequality`: write the Code Quality report of existing results."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llm_extract.cli.results_files import read_files
from pytest_llm_extract.report.registry import write_report


@click.command(name="codequality")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
def command(files: tuple[Path, ...], output: Path) -> None:
    """Render results.json files as a Code Quality report for a merge request of GitLab.

    \b
    Example:
      llm-extract merge shard-*.json -o results.json
      llm-extract codequality results.json -o quality.json

    This is the report that --llm-extract-codequality=PATH writes: an issue for each wrong value. Exit status: 0 it was
    written, 2 an input cannot be read.
    """
    write_report("codequality", output, read_files(files, Path()))
