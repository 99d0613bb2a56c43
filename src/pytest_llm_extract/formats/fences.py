"""JSON that stands in a Markdown fence, as models like to write it."""

from __future__ import annotations

import re

FENCE = "fence"  # what `strip=` takes
_FENCED = re.compile(r"\s*(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<text>.*?)\n?[ \t]*(?P=fence)\s*", re.DOTALL)


def without_fence(text: str) -> str | None:
    """What stands in the fence that a text is; None for any other text, also for one with words around its fence."""
    if text.lstrip()[:3] not in ("```", "~~~"):
        return None
    found = _FENCED.fullmatch(text)
    return found["text"] if found else None


def is_fenced(text: str | None) -> bool:
    """Whether a text is a fence and what stands in it."""
    return text is not None and without_fence(text) is not None
