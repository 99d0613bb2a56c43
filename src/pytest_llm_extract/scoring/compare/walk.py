"""One walk over gold and prediction: every labelled leaf gets exactly one outcome.

A schema's tree becomes a plan once: an object for each node, which knows its path, its comparator and its children.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.schema.field_tree import LeafNode, ListNode, ModelNode, Node, UnionNode
from pytest_llm_extract.scoring.compare.comparators import comparator_of
from pytest_llm_extract.scoring.compare.items_plan import KeyedPlan, RowsPlan
from pytest_llm_extract.scoring.compare.model_plan import LeafPlan, ModelPlan, UnionPlan
from pytest_llm_extract.scoring.compare.plan import FieldPlan, Walk

_PLANS: WeakKeyDictionary[Node, FieldPlan] = WeakKeyDictionary()


def plan_of(root: Node) -> FieldPlan:
    """The plan of a schema's tree, made once."""
    plan = _PLANS.get(root)
    if plan is None:
        plan = _PLANS[root] = _build(root, {})
    return plan


def _build(node: Node, made: dict[Node, FieldPlan]) -> FieldPlan:
    if node in made:
        return made[node]
    match node:
        case ModelNode():
            made[node] = model = ModelPlan(node)
            model.fields = [(name, _build(child, made)) for name, child in node.fields.items()]
            return model
        case ListNode():
            items: KeyedPlan | RowsPlan = KeyedPlan(node) if node.keyed else RowsPlan(node)
            made[node] = items
            items.items = _build(node.items, made)
            return items
        case UnionNode():
            made[node] = union = UnionPlan(node)
            union.members = {cls: _build(member, made) for cls, member in node.members.items()}
            return union
        case LeafNode():
            made[node] = leaf = LeafPlan(node.path, comparator_of(node))
            return leaf
    raise TypeError(node)


def compare(root: Node, gold: Any, predicted: Any, absent: Outcome = Outcome.ABSENT_OK) -> Walk:
    """Walk a document; `absent` is what a null on both sides counts as."""
    out = Walk()
    plan_of(root).compare(gold, predicted, absent, out)
    return out


def labelled(root: Node, gold: Any) -> dict[str, None]:
    """The paths that a case's gold labels, in its order."""
    out: dict[str, None] = {}
    plan_of(root).labelled(gold, out)
    return out
