"""Write lines and headings to pytest's terminal. No other file writes there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_llm_extract.formats.visible import visible, visible_lines


def write_lines(reporter: Any, lines: Iterable[str], **markup: bool) -> None:
    """Write each line in characters that the terminal has, with control characters shown and verdicts in colour.

    `reporter` is pytest's own; with `markup` the whole line has that colour.
    """
    from pytest_llm_extract.report.terminal_text import encodable, painted

    tw = reporter._tw

    def paint(word: str, colour: str) -> str:
        return str(tw.markup(word, **{colour: True}))

    for line in visible_lines(lines):
        shown = encodable(line, getattr(tw._file, "encoding", None))
        reporter.write_line(shown if markup else painted(shown, paint), **markup)


def write_heading(reporter: Any, title: str) -> None:
    """Write a rule with a title in it."""
    from pytest_llm_extract.report.terminal_text import encodable

    reporter.section(encodable(visible(title), getattr(reporter._tw._file, "encoding", None)), "=")
