"""The interface of one place of the schema in the walk over gold and prediction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.scoring.compare.comparators import Comparator
from pytest_llm_extract.scoring.compare.findings import Held, Walk


class FieldPlan(Protocol):
    """How one place of the schema is walked; only a leaf has a comparator."""

    comparator: Comparator | None
    paths: tuple[str, ...]

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Add what is found.

        `absent` is what a null on both sides counts as: absent_ok, or invalid for an answer that was lost.
        """

    def held(self, value: Any, out: Held) -> None:
        """Add path and value of every leaf that has one, and the rows; of gold, the labelled ones."""

    def may_pair(
        self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]
    ) -> list[set[int]] | None:
        """For each gold value, the places of the predicted ones with which it may have something in common.

        Comparing it with any other costs what leaving both costs, if leaves of the `charged` paths are charged. None
        where every pair must be compared.
        """

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """Add the paths that gold labels, those of rows included."""
