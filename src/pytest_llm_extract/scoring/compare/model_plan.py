"""How leaves, models and unions of models are walked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.schema.field_tree import LeafNode, ModelNode, UnionNode, leaf_paths, row_paths
from pytest_llm_extract.schema.union_members import labels_tell
from pytest_llm_extract.schema.validators import MISSING
from pytest_llm_extract.scoring.compare.comparators import Comparator, comparator_of, may_be_null
from pytest_llm_extract.scoring.compare.plan import FieldPlan, Held, Walk

C, W, M, S = Outcome.CORRECT, Outcome.WRONG, Outcome.MISSING, Outcome.SPURIOUS


class LeafPlan(FieldPlan):
    """One scored value."""

    def __init__(self, path: str, comparator: Comparator) -> None:
        self.path = path
        self.paths, self.comparator = (path,), comparator
        self._is_null, self._same = comparator.is_null, comparator.same

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


class ModelPlan(FieldPlan):
    """A model: its fields, those that gold sets."""

    def __init__(self, node: ModelNode) -> None:
        self.paths = tuple(leaf_paths(node))
        self.labels = (*self.paths, *row_paths(node))
        self.fields: list[tuple[str, FieldPlan]] = []

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


class UnionPlan(FieldPlan):
    """One of several models: a leaf that says which, and the leaves of gold's member.

    Where gold labels nothing that tells its member from another, the leaf is not labelled.
    """

    def __init__(self, node: UnionNode) -> None:
        self.paths = tuple(leaf_paths(node))
        self.labels = (*self.paths, *row_paths(node))
        self.type = LeafPlan(node.type_path, comparator_of(LeafNode(node.type_path, True)))
        self.names, self.is_tagged = node.names, node.is_tagged
        self.members: dict[type[BaseModel], FieldPlan] = {}

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """The type, then the member's leaves; of another member, the fields of the same name."""
        for plan, mine, theirs in self.parts(gold, predicted):
            plan.compare(mine, theirs, absent, out)

    def parts(self, gold: Any, predicted: Any) -> Iterator[tuple[FieldPlan, Any, Any]]:
        """What is compared: the names of the types, and the values as the member that gold is of, or the answer."""
        wanted = self._name(gold)
        if wanted is None or self._tells(gold):
            yield self.type, wanted, self._name(predicted)
        member = self._member(gold if wanted is not None else predicted)
        if member is not None:
            yield member, gold if wanted is not None else None, predicted

    def held(self, value: Any, out: Held) -> None:
        """The type, and what the member holds."""
        if isinstance(value, BaseModel):
            if out.labelled is not None or self._tells(value):
                self.type.held(self._name(value), out)
            if (member := self._member(value)) is not None:
                member.held(value, out)

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """The type, and what the member labels."""
        if not isinstance(gold, BaseModel):
            out.update(dict.fromkeys(self.labels))
            return
        if self._tells(gold):
            out[self.type.path] = None
        if (member := self._member(gold)) is not None:
            member.labelled(gold, out)

    def _tells(self, gold: BaseModel) -> bool:
        """Whether gold says which member it is."""
        own = self._class(gold)
        return self.is_tagged or own is None or labels_tell(gold, own, self.members)

    def _name(self, value: Any) -> str | None:
        if not isinstance(value, BaseModel):
            return None
        cls = self._class(value)
        return self.names[cls] if cls else f"another {type(value).__name__}"

    def _member(self, value: Any) -> FieldPlan | None:
        cls = self._class(value)
        return self.members[cls] if cls else None

    def _class(self, value: Any) -> type[BaseModel] | None:
        """The member that a value is of; None for what another union's member has by this name."""
        known = type(value)
        return known if known in self.members else next((cls for cls in self.members if isinstance(value, cls)), None)
