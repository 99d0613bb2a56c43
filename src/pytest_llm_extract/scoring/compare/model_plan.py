"""How leaves and models are walked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.schema.field_tree import ModelNode, leaf_paths, row_paths
from pytest_llm_extract.schema.validators import MISSING
from pytest_llm_extract.scoring.compare.comparators import Comparator, may_be_null
from pytest_llm_extract.scoring.compare.findings import Held, Walk
from pytest_llm_extract.scoring.compare.plan import FieldPlan

C, W, M, S = Outcome.CORRECT, Outcome.WRONG, Outcome.MISSING, Outcome.SPURIOUS


class LeafPlan:
    """One scored value."""

    def __init__(self, path: str, comparator: Comparator) -> None:
        self.path = path
        self.paths: tuple[str, ...] = (path,)
        self.comparator: Comparator | None = comparator
        self._is_null, self._same = comparator.is_null, comparator.same

    def may_pair(self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]) -> None:
        """Any two may have something in common."""

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """One outcome."""
        if self._is_null(gold):
            none = self._is_null(predicted)
            out.append((self.path, absent, None, None, None) if none else (self.path, S, None, predicted, None))
        elif self._is_null(predicted):
            out.append((self.path, absent if may_be_null(gold, self._is_null) else M, gold, None, None))
        else:
            out.append((self.path, C if self._same(gold, predicted) else W, gold, predicted, None))

    def held(self, value: Any, out: Held) -> None:
        """Itself, unless it is null, or may be."""
        if self._is_null(value) or may_be_null(value, self._is_null):
            return
        if out.labelled is None or self.path in out.labelled:
            out.append((self.path, value))

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """Itself."""
        out[self.path] = None


class ModelPlan:
    """A model: its fields, those that gold sets."""

    comparator: Comparator | None = None

    def __init__(self, node: ModelNode) -> None:
        self.paths = tuple(leaf_paths(node))
        self.labels = (*self.paths, *row_paths(node))
        self.fields: list[tuple[str, FieldPlan]] = []

    def may_pair(self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]) -> None:
        """Any two may have something in common."""

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Field by field; where gold has no model, every leaf of it is labelled null."""
        gold = None if gold is MISSING else gold
        if gold is None:
            self._compare_null(predicted, absent, out)
            return
        for name, plan in self.fields:
            if name in gold.model_fields_set:
                plan.compare(getattr(gold, name), getattr(predicted, name, None), absent, out)
                if plan.comparator is not None and (out[-1][1] is W or out[-1][1] is M):
                    out[-1] = (*out[-1][:4], (gold, predicted))

    def _compare_null(self, predicted: Any, absent: Outcome, out: Walk) -> None:
        neither = predicted is None or predicted is MISSING
        if neither and self in out.entered:
            return  # a walk through a model that holds itself would never end
        if neither:
            out.entered.add(self)
        for name, plan in self.fields:
            plan.compare(None, getattr(predicted, name, None), absent, out)
        if neither:
            out.entered.remove(self)

    def held(self, value: Any, out: Held) -> None:
        """What its fields hold."""
        if value is not None and value is not MISSING:
            for name, plan in self.fields:
                plan.held(getattr(value, name, None), out)

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """What is set; all paths if there is no model."""
        if gold is None or gold is MISSING:
            out.update(dict.fromkeys(self.labels))
            return
        for name, plan in self.fields:
            if name in gold.model_fields_set:
                plan.labelled(getattr(gold, name), out)
