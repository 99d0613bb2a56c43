"""Values, texts and counts as one line of a terminal shows them."""

from __future__ import annotations

import json
from typing import Any

from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.results.case_result import Leaf
from pytest_llm_extract.results.outcome import Outcome

MISSES = 8  # lines of single leaves that are shown of a suite


def printable(text: str, width: int) -> str:
    """One line of at most `width` characters; control characters and escape sequences shown, not sent."""
    shown = visible(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def field_name(path: str, width: int | None = None) -> str:
    """A field on one line; one that is too long is cut in the middle, since fields of one object begin alike."""
    shown = visible(path)
    if width is None or len(shown) <= width:
        return shown
    tail = width * 2 // 3
    return f"{shown[: width - 1 - tail]}…{shown[-tail:]}"


def show(value: Any) -> str:
    """Show a string unchanged, a missing value as ∅, any other value as JSON."""
    if value is None:
        return "∅"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def has_values(leaf: Leaf) -> bool:
    """Whether a sample's values are known. An accepted case that is not scored again has outcomes only."""
    is_null = leaf.outcome in (Outcome.ABSENT_OK, Outcome.INVALID)
    return is_null or leaf.expected is not None or leaf.actual is not None


def and_more(count: int, flag: str | None) -> str:
    """Count the lines left out. `flag` names the flag that writes all of them; None if there is none."""
    return f"  … and {count:,} more" + (f" (all of them: {flag}=PATH)" if flag else "")
