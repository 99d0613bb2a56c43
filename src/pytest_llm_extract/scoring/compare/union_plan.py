"""How a union of models is walked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.schema.field_tree import LeafNode, UnionNode, leaf_paths, row_paths
from pytest_llm_extract.schema.union_members import labels_tell
from pytest_llm_extract.scoring.compare.comparators import Comparator, comparator_of
from pytest_llm_extract.scoring.compare.findings import Held, Walk
from pytest_llm_extract.scoring.compare.model_plan import LeafPlan
from pytest_llm_extract.scoring.compare.plan import FieldPlan


class UnionPlan:
    """One of several models: a leaf that says which, and the leaves of gold's member.

    Where gold labels nothing that tells its member from another, the leaf is not labelled.
    """

    comparator: Comparator | None = None

    def __init__(self, node: UnionNode) -> None:
        self.paths = tuple(leaf_paths(node))
        self.labels = (*self.paths, *row_paths(node))
        self.type = LeafPlan(node.type_path, comparator_of(LeafNode(node.type_path, True)))
        self.names, self.is_tagged = node.names, node.is_tagged
        self.members: dict[type[BaseModel], FieldPlan] = {}

    def may_pair(self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]) -> None:
        """Any two may have something in common."""

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
