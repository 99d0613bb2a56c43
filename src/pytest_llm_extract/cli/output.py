"""Print the output of commands. No other file of this folder prints."""

from __future__ import annotations

import click

from pytest_llm_extract.formats.visible import visible_lines


def echo(*lines: object, err: bool = False) -> None:
    """Print each line, with control characters shown; `err`: to standard error."""
    for line in visible_lines(line if isinstance(line, str) else str(line) for line in lines):
        click.echo(line, err=err)


def echo_error(text: str) -> None:
    """Print an error to standard error; further lines are indented, so that none looks like a verdict."""
    first, *further = text.split("\n")
    echo(first, *(line if line[:1] in ("", " ") else f"  {line}" for line in further), err=True)
