"""What a walk over gold and prediction finds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from pytest_llm_extract.results.outcome import Outcome

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
