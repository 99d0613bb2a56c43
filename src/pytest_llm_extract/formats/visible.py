"""The one place through which text goes that is written to a terminal, XML, HTML or Markdown.

Case ids, model names, answers and baselines are written by others. Characters that move the cursor, write the
clipboard, reverse the reading direction or begin a new line are shown as escapes, never sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def visible(text: str, keep: str = "") -> str:
    r"""The text with every character that is not printable as a backslash escape (`\x1b`, `\u202e`).

    Line ends, tabs, control characters (C0, C1), direction and zero-width marks, separators other than the space and
    half surrogate pairs are not printable. The characters of `keep` stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() or ch in keep else _escape(ch) for ch in text)


def visible_lines(lines: Iterable[str]) -> Iterator[str]:
    """Lines for a terminal: each stays one line."""
    return map(visible, lines)


def visible_text(text: str) -> str:
    """A text of several lines, such as a traceback: line ends and tabs stay."""
    return visible(text, keep="\n\t")


def visible_output(text: str) -> str:
    """What a test printed: line ends, tabs and colours stay."""
    return "".join(piece if _COLOUR.fullmatch(piece) else visible_text(piece) for piece in _COLOUR.split(text))


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()
