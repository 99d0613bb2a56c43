"""`llm-extract html`: the report for a browser of results that are there already."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.cli.results_files import read_files
from pytest_llm_extract.config.options import DOCUMENTS
from pytest_llm_extract.report.registry import write_report


@click.command(name="html")
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
    "--documents", default="full", show_default=True, type=click.Choice(DOCUMENTS), help="What the page holds of them."
)
def command(files: tuple[Path, ...], output: Path, rootdir: Path, documents: str) -> None:
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
