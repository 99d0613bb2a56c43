"""A metric for DSPy's optimisers that scores as suites do, and never sees what a suite is judged by.

Needs the extra `dspy`. What an optimiser finds becomes a variant, and the gate has the last word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.lints.near_duplicates import is_near
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT, Leaf
from pytest_llm_extract.scoring.score import score

Metric = Callable[..., Any]
_LINES = 12  # of differences that an optimiser is shown


def dspy_metric(
    schema: Any,
    compare: Mapping[str, Any] | None = None,
    *,
    holdout: str | Path | Iterable[Any] = (),
    expected: str = "expected",
    output: str = "output",
    document: str = "input",
    threshold: float = 1.0,
) -> Metric:
    """A metric with DSPy's signature: `(gold, pred, trace=None, pred_name=None, pred_trace=None)`.

    It returns a `dspy.Prediction(score=…, feedback=…)`. The score is the share of labelled leaves that are right, 0..1.
    The feedback has a line for each difference, with what would have matched: GEPA reflects on it. As a truth value,
    by which demonstrations are chosen, it says whether the score reaches `threshold`.

    Args:
        schema: the pydantic type of the answer.
        compare: rules by field path.
        holdout: golden data that the optimiser must not see: a file, rows or cases. All that a suite compares.
        expected: the field of an example that has the gold.
        output: the field of a prediction that has the answer: an instance, plain data or JSON text.
        document: the field of an example that has the document.
        threshold: the least score of a demonstration.

    Raises:
        HoldoutSeenError: by the metric, for an example that is held out, or nearly.
    """
    import dspy

    class Score(dspy.Prediction):  # type: ignore[misc] # without dspy it has no type
        """A score that DSPy takes for a number, for a truth value, and for feedback."""

        def __bool__(self) -> bool:
            return float(self) >= threshold

    held = _Holdout(holdout, document)

    def metric(gold: Any, pred: Any, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None) -> Any:
        held.refuse(gold)
        scored = score(getattr(gold, expected), getattr(pred, output, None), schema, compare)
        leaves = [leaf for of_field in scored.leaves.values() for leaf in of_field]
        share = sum(leaf.outcome in RIGHT for leaf in leaves) / max(1, len(leaves))
        return Score(score=share, feedback=feedback(scored))

    return metric


def feedback(scored: CaseResult) -> str:
    """What is wrong with an answer, a line for each difference."""
    lines = [scored.error] if scored.error else []
    for path, leaves in scored.leaves.items():
        lines += [_line(path, leaf) for leaf in leaves if leaf.outcome not in RIGHT]
    if not lines:
        return "Every field is right."
    more = f"\n… and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
    return "\n".join(lines[:_LINES]) + more


def _line(path: str, leaf: Leaf) -> str:
    hint = f" ({leaf.hint})" if leaf.hint else ""
    return f"{path}: expected {json.dumps(leaf.expected)}, got {json.dumps(leaf.actual)}{hint}"


class HoldoutSeenError(BaseException):
    """An optimiser was given what a suite is judged by. DSPy counts ordinary exceptions as failures, and goes on."""


class _Holdout:
    """Golden data that an optimiser must not see."""

    def __init__(self, source: str | Path | Iterable[Any], document: str) -> None:
        given = Path(source) if isinstance(source, str) else source
        listed = given if isinstance(given, Path) else list(given)
        cases: list[Case] = load_cases(listed, f"holdout {source}"[:80]) if listed else []
        self._texts = {case.id: _as_text(case.input) for case in cases}
        self._document = document
        self._allowed: set[str] = set()

    def refuse(self, example: Any) -> None:
        """Raise for an example that is held out, or nearly; each document is looked at once."""
        text = _as_text(getattr(example, self._document, ""))
        if text in self._allowed:
            return
        for case_id, held in self._texts.items():
            if is_near(held, text):
                raise HoldoutSeenError(f"an example is the held-out case {case_id!r}, or nearly: {text[:80]!r}")
        self._allowed.add(text)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
