"""JSON within a Markdown fence, as models like to write it."""

from __future__ import annotations

import re

FENCE = "fence"  # what `strip=` takes
_FENCED = re.compile(r"\s*(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<text>.*?)\n?[ \t]*(?P=fence)\s*", re.DOTALL)


def without_fence(text: str) -> str | None:
    """The content of a string that is one fence; None for any other, also with words around the fence."""
    if text.lstrip()[:3] not in ("```", "~~~"):
        return None
    fence = _FENCED.fullmatch(text)
    return fence["text"] if fence else None


def is_fenced(text: str | None) -> bool:
    """Whether a string is one fence with its content."""
    return text is not None and without_fence(text) is not None
