"""Cases that are kept for one test at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HOLDOUT = "holdout"  # metadata: {"split": "holdout"}


def is_held_out(metadata: Mapping[str, Any]) -> bool:
    """Whether a case is kept for one test at the end, by its metadata."""
    return metadata.get("split") == HOLDOUT
