"""JSON within a Markdown fence, as models like to write it."""

from __future__ import annotations

import re

FENCE = "fence"  # what `strip=` takes
_OPENING = re.compile(r"(`{3,}|~{3,})[^\n`]*\n")


def without_fence(text: str) -> str | None:
    """The content of a string that is one fence; None for any other, also with words around the fence."""
    fenced = text.strip()
    opening = _OPENING.match(fenced)
    if opening is None or not fenced.endswith(opening[1], opening.end()):
        return None
    return fenced[opening.end() : -len(opening[1])].rstrip(" \t").removesuffix("\n")


def is_fenced(text: str | None) -> bool:
    """Whether a string is one fence with its content."""
    return text is not None and without_fence(text) is not None
