"""What a walk over gold and prediction finds."""

from __future__ import annotations

from typing import Any

from pytest_llm_extract.results.outcome import Outcome

Found = tuple[str, Outcome, Any, Any, tuple[Any, Any] | None]


class Walk(list[Found]):
    """Path, outcome, gold and predicted value of every labelled leaf; of a wrong one, the models around it.

    `rows` has path, gold rows, predicted rows and pairs of every list. `entered` are the models that are walked through
    although there is none on either side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, int, int, int]] = []
        self.entered: set[object] = set()
