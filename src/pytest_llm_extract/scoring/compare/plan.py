"""The interface of one place of the schema in the walk over gold and prediction."""

from __future__ import annotations

from typing import Any, Protocol

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.scoring.compare.comparators import Comparator
from pytest_llm_extract.scoring.compare.findings import Held, Walk


class Plan(Protocol):
    """How one place of the schema is walked; only a leaf has a comparator."""

    comparator: Comparator | None
    paths: tuple[str, ...]

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Add what is found.

        `absent` is what a null on both sides counts as: absent_ok, or invalid for an answer that was lost.
        """

    def held(self, value: Any, out: Held) -> None:
        """Add path and value of every leaf that has one, and the rows; of gold, the labelled ones."""

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """Add the paths that gold labels, those of rows included."""
