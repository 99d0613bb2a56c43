"""Print what commands say, in the characters and colours of the terminal. No other file of this folder prints."""

from __future__ import annotations

import io
import json
import shutil
import sys
from typing import IO, TYPE_CHECKING

import click

from pytest_llm_extract.formats.visible import visible_lines
from pytest_llm_extract.formats.wire import as_wire

if TYPE_CHECKING:
    from pytest_llm_extract.report.terminal import Form


def print_what_can_be_printed() -> None:
    """Let no character end a command: where the output's encoding lacks one, it is replaced or escaped."""
    from pytest_llm_extract.report.terminal_text import PLAIN

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)


def terminal_form(json_flag: str | None) -> Form:
    """How lines are shown on standard output."""
    from pytest_llm_extract.report.terminal import Form

    return Form(shutil.get_terminal_size().columns, wraps=sys.stdout.isatty(), json_flag=json_flag)


def echo(*lines: object, err: bool = False, file: IO[str] | None = None) -> None:
    """Print each line, with control characters shown; `err`: to standard error; `file`: to that one.

    Verdicts are in colour; click takes colours out where the output is not a terminal.
    """
    from pytest_llm_extract.report.terminal_text import painted

    for line in visible_lines(str(line) for line in lines):
        click.echo(painted(line, lambda word, colour: click.style(word, fg=colour)), file, err=err)


def echo_json(value: object) -> None:
    """Print a value of ours as JSON."""
    echo(*json.dumps(as_wire(value), indent=1).splitlines())


def echo_error(text: str) -> None:
    """Print an error to standard error; further lines are indented, so that none looks like a verdict."""
    first, *further = text.split("\n")
    echo(first, *(line if line[:1] in ("", " ") else f"  {line}" for line in further), err=True)
