"""Write lines and headings to pytest's terminal. No other file writes there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_llm_extract.formats.visible import visible, visible_lines


def write_lines(reporter: Any, lines: Iterable[str], **markup: bool) -> None:
    """Write each line, with control characters shown; `reporter` is pytest's own."""
    for line in visible_lines(lines):
        reporter.write_line(line, **markup)


def write_heading(reporter: Any, title: str) -> None:
    """Write a rule with a title in it."""
    reporter.section(visible(title), "=")
