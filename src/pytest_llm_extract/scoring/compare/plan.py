"""What a walk over gold and prediction finds, and how one place of the schema takes part in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.scoring.compare.comparators import Comparator

Found = tuple[str, Outcome, Any, Any, tuple[Any, Any] | None]


class RowText(NamedTuple):
    """What a row holds of the paths that gold labels, for similarity; whether it would charge no leaf as a leftover."""

    text: str
    is_bare: bool


RowTexts = dict[tuple[int, tuple[str, ...]], RowText]  # by the row's id, and the paths that are charged


class Walk(list[Found]):
    """Path, outcome, gold and predicted value of every labelled leaf; of a wrong one, the models around it.

    `rows` has path, outcome and number of rows. `bare` has path, outcome, gold and predicted row of the missing and
    extra ones among them that charge no leaf. `entered` are the models that are walked through although there is none
    on either side. `texts` keeps what rows hold: while lists below rows are paired, each is looked at many times.
    """

    def __init__(self, texts: RowTexts | None = None) -> None:
        super().__init__()
        self.texts: RowTexts = {} if texts is None else texts
        self.rows: list[tuple[str, Outcome, int]] = []
        self.bare: list[tuple[str, Outcome, Any, Any]] = []
        self.entered: set[object] = set()


class Held(list[tuple[str, Any]]):
    """Path and value of every leaf that a value holds, of the `labelled` paths only where they are given.

    `rows` has the paths of the rows that it holds. `bare` has path and value of those among them that hold no leaf.
    """

    def __init__(self, labelled: Collection[str] | None = None) -> None:
        super().__init__()
        self.labelled = labelled
        self.rows: list[str] = []
        self.bare: list[tuple[str, Any]] = []

    @property
    def n_charged(self) -> int:
        """How many outcomes a leftover is charged: its leaves, and its rows without one."""
        return len(self) + len(self.bare)


class FieldPlan:
    """How one place of the schema is walked; only a leaf has a comparator."""

    comparator: Comparator | None = None
    paths: tuple[str, ...]

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Add what is found.

        `absent` is what a null on both sides counts as: absent_ok, or invalid for an answer that was lost.
        """

    def held(self, value: Any, out: Held) -> None:
        """Add path and value of every leaf that has one, and the rows; of gold, the labelled ones."""

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """Add the paths that gold labels, those of rows included."""

    def may_pair(
        self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]
    ) -> list[set[int]] | None:
        """For each gold value, the places of the predicted ones with which it may have something in common.

        Comparing it with any other costs what leaving both costs, if leaves of the `charged` paths are charged. None
        where every pair must be compared.
        """
        return None
