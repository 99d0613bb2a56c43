"""One walk over gold and prediction: every labelled leaf gets exactly one outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel
from rapidfuzz.distance import Indel

from pytest_llm_extract.compare.align import assign, weight
from pytest_llm_extract.compare.equal import Comparator, comparator_of, is_empty
from pytest_llm_extract.compare.texts import normal_text
from pytest_llm_extract.outcome import Outcome
from pytest_llm_extract.readers import MISSING
from pytest_llm_extract.rules import AnyOf
from pytest_llm_extract.tree import LeafNode, ListNode, ModelNode, Node, UnionNode, leaf_paths

Found = tuple[str, Outcome, Any, Any]
_COMPARATORS: WeakKeyDictionary[LeafNode, Comparator] = WeakKeyDictionary()
_MIN_SIMILARITY = 500_000  # in millionths: a pair without a correct leaf and less alike than this is no pair


def compare(node: Node, gold: Any, predicted: Any, absent: Outcome = Outcome.ABSENT_OK) -> Iterator[Found]:
    """Path, outcome, gold and predicted value of every labelled leaf.

    `absent` is what a null on both sides counts as: absent_ok, or invalid for an answer that was lost.
    """
    gold, predicted = _present(gold), _present(predicted)
    match node:
        case ModelNode():
            for name, child in node.fields.items():
                if gold is None or name in gold.model_fields_set:
                    yield from compare(child, _get(gold, name), _get(predicted, name), absent)
        case ListNode(keyed=True):
            yield from _compare_keyed(node, gold or {}, predicted or {}, absent)
        case ListNode():
            yield from _compare_rows(node, list(gold or ()), list(predicted or ()), absent)
        case UnionNode():
            yield from _compare_members(node, gold, predicted, absent)
        case _:
            if isinstance(node, LeafNode):
                yield _compare_leaf(node, gold, predicted, absent)


def held(node: Node, value: Any) -> Iterator[tuple[str, Any]]:
    """Path and value of every leaf that has one; of gold, the labelled ones."""
    value = _present(value)
    if value is None:
        return
    match node:
        case ModelNode():
            for name, child in node.fields.items():
                yield from held(child, _get(value, name))
        case ListNode():
            for item in value.values() if isinstance(value, Mapping) else value:
                yield from held(node.items, item)
        case UnionNode():
            yield node.type_path, type(value).__name__
            yield from held(_member(node, value), value)
        case _:
            if isinstance(node, LeafNode) and not _comparator(node).is_null(value):
                yield node.path, value


def labelled(node: Node, gold: Any) -> Iterator[str]:
    """The paths that a case's gold labels."""
    gold = _present(gold)
    match node:
        case _ if gold is None:
            yield from leaf_paths(node)
        case ModelNode():
            for name, child in node.fields.items():
                if name in gold.model_fields_set:
                    yield from labelled(child, _get(gold, name))
        case ListNode():
            for item in gold.values() if isinstance(gold, Mapping) else gold:
                yield from labelled(node.items, item)
            if not gold:
                yield from leaf_paths(node)
        case UnionNode():
            yield node.type_path
            yield from labelled(_member(node, gold), gold)
        case _:
            yield node.path


def _present(value: Any) -> Any:
    return None if value is MISSING else value


def _get(value: Any, name: str) -> Any:
    return getattr(value, name, None)


def _member(node: UnionNode, value: Any) -> ModelNode:
    known = next((member for cls, member in node.members.items() if type(value) is cls), None)
    return known or next(member for cls, member in node.members.items() if isinstance(value, cls))


def _comparator(node: LeafNode) -> Comparator:
    if node not in _COMPARATORS:
        _COMPARATORS[node] = comparator_of(node)
    return _COMPARATORS[node]


def _compare_leaf(node: LeafNode, gold: Any, predicted: Any, absent: Outcome) -> Found:
    comparator = _comparator(node)
    no_value = comparator.is_null(predicted)
    if comparator.is_null(gold):
        return node.path, (absent if no_value else Outcome.SPURIOUS), None, predicted
    if no_value:
        nullable = isinstance(gold, AnyOf) and any(map(comparator.is_null, gold.values))
        return (node.path, absent, gold, None) if nullable else (node.path, Outcome.MISSING, gold, None)
    return node.path, (Outcome.CORRECT if comparator.same(gold, predicted) else Outcome.WRONG), gold, predicted


def _compare_members(node: UnionNode, gold: Any, predicted: Any, absent: Outcome) -> Iterator[Found]:
    wanted, found = (type(v).__name__ if isinstance(v, BaseModel) else None for v in (gold, predicted))
    yield _compare_leaf(LeafNode(node.type_path, True), wanted, found, absent)
    if gold is not None:
        yield from compare(_member(node, gold), gold, predicted, absent)
    elif predicted is not None:
        yield from compare(_member(node, predicted), None, predicted, absent)


def _compare_keyed(
    node: ListNode, gold: Mapping[Any, Any], predicted: Mapping[Any, Any], absent: Outcome
) -> Iterator[Found]:
    if not gold and not predicted:
        yield from ((path, absent, None, None) for path in leaf_paths(node))
    for key, value in gold.items():
        if key in predicted:
            yield from compare(node.items, value, predicted[key], absent)
        else:
            yield from _missing(node, value)
    extra = [value for key, value in predicted.items() if key not in gold]
    yield from _extra(node, list(gold.values()), extra)


def _compare_rows(node: ListNode, gold: list[Any], predicted: list[Any], absent: Outcome) -> Iterator[Found]:
    if not gold and not predicted:
        yield from ((path, absent, None, None) for path in leaf_paths(node))
        return
    pair = _pair_scalars if isinstance(node.items, LeafNode) else _pair_rows
    pairs = pair(node, gold, predicted)
    for i, j in sorted(pairs.items()):
        yield from compare(node.items, gold[i], predicted[j], absent)
    for i in (i for i in range(len(gold)) if i not in pairs):
        yield from _missing(node, gold[i])
    taken = set(pairs.values())
    yield from _extra(node, gold, [row for j, row in enumerate(predicted) if j not in taken])


def _missing(node: ListNode, row: Any) -> Iterator[Found]:
    return ((path, Outcome.MISSING, value, None) for path, value in held(node.items, row))


def _extra(node: ListNode, gold: list[Any], rows: list[Any]) -> Iterator[Found]:
    paths = {path for row in gold for path in labelled(node.items, row)} if gold else set(leaf_paths(node))
    return ((path, Outcome.SPURIOUS, None, v) for row in rows for path, v in held(node.items, row) if path in paths)


def _pair_scalars(node: ListNode, gold: list[Any], predicted: list[Any]) -> dict[int, int]:
    """A maximum matching of equal values (Kuhn's augmenting paths, since tolerance is not transitive)."""
    assert isinstance(node.items, LeafNode)  # the caller looked
    comparator = _comparator(node.items)
    gold_of: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        for j, value in enumerate(predicted):
            if j not in tried and comparator.same(gold[i], value):
                tried.add(j)
                if j not in gold_of or place(gold_of[j], tried):
                    gold_of[j] = i
                    return True
        return False

    for i, value in enumerate(gold):
        if not is_empty(value):
            place(i, set())
    return {i: j for j, i in gold_of.items()}


def _pair_rows(node: ListNode, gold: list[Any], predicted: list[Any]) -> dict[int, int]:
    if not gold or not predicted:
        return {}
    pairs = _equal_rows(node, gold, predicted)
    left = [i for i in range(len(gold)) if i not in pairs]
    taken = set(pairs.values())
    free = [j for j in range(len(predicted)) if j not in taken]
    if left and free:
        pairs |= _best_pairs(node, {i: gold[i] for i in left}, {j: predicted[j] for j in free}, gold)
    return pairs


def _equal_rows(node: ListNode, gold: list[Any], predicted: list[Any]) -> dict[int, int]:
    """Rows that are right in every leaf, paired first, the nearest position preferred."""
    pairs: dict[int, int] = {}
    for i, row in enumerate(gold):
        for j in sorted(range(len(predicted)), key=lambda j: (abs(i - j), j)):
            if j not in pairs.values() and all(
                o is Outcome.CORRECT for _, o, _, _ in compare(node.items, row, predicted[j])
            ):
                pairs[i] = j
                break
    return pairs


def _best_pairs(node: ListNode, gold: dict[int, Any], predicted: dict[int, Any], rows: list[Any]) -> dict[int, int]:
    charged = {path for row in rows for path in labelled(node.items, row)}
    missing = {i: sum(1 for _ in _missing(node, row)) for i, row in gold.items()}
    extra = {j: sum(path in charged for path, _ in held(node.items, row)) for j, row in predicted.items()}
    texts = [{k: _text(node, row) for k, row in side.items()} for side in (gold, predicted)]
    refused: set[tuple[int, int]] = set()

    def cost(i: int, j: int) -> int:
        outcomes = [outcome for _, outcome, _, _ in compare(node.items, gold[i], predicted[j])]
        correct = outcomes.count(Outcome.CORRECT)
        alike = round(Indel.normalized_similarity(texts[0][i], texts[1][j]) * 1_000_000)
        if not correct and alike < _MIN_SIMILARITY:
            refused.add((i, j))
            return weight(0, missing[i] + extra[j], 0, 0, 0)
        wrong = len(outcomes) - correct - outcomes.count(Outcome.ABSENT_OK)
        return weight(-correct, wrong, -alike, abs(i - j), j)

    size = max(len(gold), len(predicted))
    costs = [[cost(i, j) for j in predicted] for i in gold]
    for row, i in zip(costs, gold, strict=True):
        row += [weight(0, missing[i], 0, 0, 0)] * (size - len(predicted))
    costs += [[weight(0, extra[j], 0, 0, 0) for j in predicted] for _ in range(size - len(gold))]
    ids, others = list(gold), list(predicted)
    chosen = [(ids[a], others[b]) for a, b in enumerate(assign(costs)[: len(ids)]) if b < len(others)]
    return {i: j for i, j in chosen if (i, j) not in refused}


def _text(node: ListNode, row: Any) -> str:
    return "\x1f".join(normal_text(str(value)) for _, value in held(node.items, row))
