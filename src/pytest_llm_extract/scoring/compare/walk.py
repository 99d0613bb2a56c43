"""One walk over gold and prediction: every labelled leaf gets exactly one outcome.

A schema's tree becomes a plan once: an object for each node, which knows its path, its comparator and its children.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.rules.comparators import Align, AnyOf, Ordered
from pytest_llm_extract.schema.field_tree import LeafNode, ListNode, ModelNode, Node, UnionNode, leaf_paths, row_paths
from pytest_llm_extract.schema.validators import MISSING
from pytest_llm_extract.scoring.compare.candidates import pairing_a_row, sharing_a_value
from pytest_llm_extract.scoring.compare.column import UNLABELLED
from pytest_llm_extract.scoring.compare.comparators import Comparator, by_normal_key, comparator_of
from pytest_llm_extract.scoring.compare.findings import Held, Walk
from pytest_llm_extract.scoring.compare.pair_rows import Pairing, pair_rows
from pytest_llm_extract.scoring.compare.pair_scalars import pair_scalars
from pytest_llm_extract.scoring.compare.plan import Plan
from pytest_llm_extract.scoring.compare.row_table import RowPlan

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
            out.append((self.path, absent if self.may_be_null(gold) else M, gold, None, None))
        else:
            out.append((self.path, C if self._same(gold, predicted) else W, gold, predicted, None))

    def held(self, value: Any, out: Held) -> None:
        """Itself, unless it is null, or may be."""
        if self._is_null(value) or self.may_be_null(value):
            return
        if out.labelled is None or self.path in out.labelled:
            out.append((self.path, value))

    def may_be_null(self, gold: Any) -> bool:
        """Whether null is one of several right answers."""
        return isinstance(gold, AnyOf) and any(map(self._is_null, gold.values))

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """Itself."""
        out[self.path] = None


class ModelPlan:
    """A model: its fields, those that gold sets."""

    comparator: Comparator | None = None

    def __init__(self, node: ModelNode) -> None:
        self.paths = tuple(leaf_paths(node))
        self.labels = (*self.paths, *row_paths(node))
        self.fields: list[tuple[str, Plan]] = []

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
            return  # a model that holds itself would go on for ever
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


class _ItemsPlan:
    """What lists and dicts share: items that are there, missing or extra."""

    comparator: Comparator | None = None

    def __init__(self, node: ListNode) -> None:
        self.paths, self.rows = tuple(leaf_paths(node)), tuple(row_paths(node))
        self.row_path = node.row_path
        self.items: Plan

    def held(self, value: Any, out: Held) -> None:
        """What the items hold; a row that holds nothing is bare, a scalar that is null is a value of its list."""
        for item in _items(value):
            n = out.n_charged
            self.items.held(item, out)
            is_bare, path = out.n_charged == n, self.row_path or self.items.paths[0]
            if out.labelled is not None and path not in out.labelled:
                continue
            if self.row_path is not None:
                out.rows.append(path)
            if is_bare and not isinstance(item, AnyOf):
                (out if self.row_path is None else out.bare).append((path, item))

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """The rows, and what some item labels; all paths if there is no item."""
        items = _items(gold)
        for item in items:
            self.items.labelled(item, out)
        if not items:
            out.update(dict.fromkeys((*self.paths, *self.rows)))
        elif self.row_path is not None:
            out[self.row_path] = None

    def leftovers(self, gold: Any, missing: Iterable[Any], extra: list[Any], out: Walk) -> None:
        """Missing items charge the leaves that they hold; extra ones those of the paths that gold labels.

        A row that charges no leaf is charged itself.
        """
        held = Held()
        self.held(list(missing), held)
        out.extend((path, M, value, None, None) for path, value in held)
        out.bare.extend((path, M, row, None) for path, row in held.bare)
        out.rows.extend((path, M, n) for path, n in Counter(held.rows).items())
        if not extra:
            return
        paths: dict[str, None] = {}
        self.labelled(gold, paths)
        held = Held(paths)
        self.held(extra, held)
        out.extend((path, S, None, value, None) for path, value in held)
        out.bare.extend((path, S, None, row) for path, row in held.bare)
        out.rows.extend((path, S, n) for path, n in Counter(held.rows).items())

    def paired(self, n: int, out: Walk) -> None:
        """So many rows were found on both sides."""
        if self.row_path is not None:
            out.rows.append((self.row_path, C, n))

    def absent(self, absent: Outcome, out: Walk) -> None:
        """Both sides are empty."""
        out.extend((path, absent, None, None, None) for path in self.paths)
        out.rows.extend((path, absent, 1) for path in self.rows)


class RowsPlan(_ItemsPlan):
    """A list: its items are paired, then compared."""

    def __init__(self, node: ListNode) -> None:
        super().__init__(node)
        self.pairing = node.pairing
        self.row: RowPlan | None = None

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Pairs, then what is missing, then what is extra."""
        gold, predicted = _items(gold), _items(predicted)
        if not gold and not predicted:
            self.absent(absent, out)
            return
        pairing = self._pair(gold, predicted) if gold and predicted else Pairing({})
        pairs = pairing.pairs
        self.paired(len(pairs), out)
        for i, j in sorted(pairs.items()):
            if i in pairing.equal:
                for path, column in pairing.columns:
                    value = column.gold[i]
                    if value is not UNLABELLED:
                        right = (path, C, value, column.predicted[j], None)
                        out.append((path, absent, None, None, None) if value is None else right)
            else:
                self.items.compare(gold[i], predicted[j], absent, out)
        if len(pairs) < len(gold) or len(pairs) < len(predicted):
            taken = set(pairs.values())
            missing = (row for i, row in enumerate(gold) if i not in pairs)
            self.leftovers(gold, missing, [row for j, row in enumerate(predicted) if j not in taken], out)

    def may_pair(
        self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]
    ) -> list[set[int]] | None:
        """Lists that share a value, or of which rows are alike."""
        mine, theirs = [_items(value) for value in gold], [_items(value) for value in predicted]
        if self.items.comparator is not None:
            return sharing_a_value(self.items.comparator, mine, theirs)
        rule = self.pairing or Align()
        if not isinstance(rule, Align) or rule.keys:
            return None
        return pairing_a_row(self._row_plan(), mine, theirs, charged, rule.min_similarity)

    def _row_plan(self) -> RowPlan:
        if self.row is None:
            self.row = RowPlan(self.items, _row_leaves(self.items))
        return self.row

    def _pair(self, gold: list[Any], predicted: list[Any]) -> Pairing:
        if self.items.comparator is not None:
            ordered = isinstance(self.pairing, Ordered)
            return Pairing(pair_scalars(self.items.comparator, gold, predicted, ordered=ordered))
        return pair_rows(self._row_plan(), gold, predicted, self.pairing or Align())


class KeyedPlan(_ItemsPlan):
    """A dict, aligned by its keys."""

    def may_pair(self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]) -> None:
        """Any two may have something in common."""

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Key by key, then the keys of one side only."""
        gold, predicted = _mapping(gold), _mapping(predicted)
        if not gold and not predicted:
            self.absent(absent, out)
            return
        shared = [key for key in gold if key in predicted]
        self.paired(len(shared), out)
        for key in shared:
            self.items.compare(gold[key], predicted[key], absent, out)
        missing = [value for key, value in gold.items() if key not in predicted]
        self.leftovers(gold, missing, [value for key, value in predicted.items() if key not in gold], out)


class UnionPlan:
    """One of several models: a leaf that says which, and the leaves of gold's member."""

    comparator: Comparator | None = None

    def __init__(self, node: UnionNode) -> None:
        self.paths = tuple(leaf_paths(node))
        self.labels = (*self.paths, *row_paths(node))
        self.type = LeafPlan(node.type_path, comparator_of(LeafNode(node.type_path, True)))
        self.names = node.names
        self.members: dict[type[BaseModel], Plan] = {}

    def may_pair(self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]) -> None:
        """Any two may have something in common."""

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """The type, then the member's leaves; of another member, the fields of the same name."""
        wanted, found = self._name(gold), self._name(predicted)
        self.type.compare(wanted, found, absent, out)
        member = self._member(gold if wanted is not None else predicted)
        if member is not None:
            member.compare(gold if wanted is not None else None, predicted, absent, out)

    def held(self, value: Any, out: Held) -> None:
        """The type, and what the member holds."""
        if isinstance(value, BaseModel):
            self.type.held(self._name(value), out)
            if (member := self._member(value)) is not None:
                member.held(value, out)

    def labelled(self, gold: Any, out: dict[str, None]) -> None:
        """The type, and what the member labels."""
        if not isinstance(gold, BaseModel):
            out.update(dict.fromkeys(self.labels))
            return
        out[self.type.path] = None
        if (member := self._member(gold)) is not None:
            member.labelled(gold, out)

    def _name(self, value: Any) -> str | None:
        if not isinstance(value, BaseModel):
            return None
        cls = self._class(value)
        return self.names[cls] if cls else f"another {type(value).__name__}"

    def _member(self, value: Any) -> Plan | None:
        cls = self._class(value)
        return self.members[cls] if cls else None

    def _class(self, value: Any) -> type[BaseModel] | None:
        """The member that a value is of; None for what another union's member has by this name."""
        known = type(value)
        return known if known in self.members else next((cls for cls in self.members if isinstance(value, cls)), None)


_PLANS: WeakKeyDictionary[Node, Plan] = WeakKeyDictionary()


def plan_of(root: Node) -> Plan:
    """The plan of a schema's tree, made once."""
    plan = _PLANS.get(root)
    if plan is None:
        plan = _PLANS[root] = _build(root, {})
    return plan


def _build(node: Node, made: dict[Node, Plan]) -> Plan:
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


def _row_leaves(
    plan: Plan, names: tuple[str, ...] = (), above: tuple[Plan, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Plan]]:
    """The leaves of a row with the fields that lead to them; lists, unions and a model within itself stay whole."""
    if isinstance(plan, ModelPlan) and plan not in above:
        for name, child in plan.fields:
            yield from _row_leaves(child, (*names, name), (*above, plan))
    else:
        yield names, plan


def _items(value: Any) -> list[Any]:
    if value is None or value is MISSING:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        return list(value.values())
    # Another member of a union may have something else by this name.
    return [] if isinstance(value, str | bytes | BaseModel) or not isinstance(value, Iterable) else list(value)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return by_normal_key(value) if isinstance(value, Mapping) else {}
