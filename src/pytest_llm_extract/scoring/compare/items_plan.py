"""How lists and dicts are walked: their items are paired, then compared; which lists may have a pair at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from pydantic import BaseModel

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.rules.comparators import Align, AnyOf, Ordered
from pytest_llm_extract.schema.field_tree import ListNode, leaf_paths, row_paths
from pytest_llm_extract.schema.validators import MISSING
from pytest_llm_extract.scoring.compare.column import UNLABELLED, Column
from pytest_llm_extract.scoring.compare.comparators import Comparator, by_normal_key
from pytest_llm_extract.scoring.compare.model_plan import ModelPlan
from pytest_llm_extract.scoring.compare.pair_rows import Pairing, pair_rows
from pytest_llm_extract.scoring.compare.pair_scalars import pair_scalars
from pytest_llm_extract.scoring.compare.plan import FieldPlan, Held, RowTexts, Walk
from pytest_llm_extract.scoring.compare.row_table import RowPlan, Table

C, M, S = Outcome.CORRECT, Outcome.MISSING, Outcome.SPURIOUS
Lists = Sequence[Sequence[Any]]


class ItemsPlan(FieldPlan):
    """What lists and dicts share: items that are there, missing or extra."""

    def __init__(self, node: ListNode) -> None:
        self.paths, self.rows = tuple(leaf_paths(node)), tuple(row_paths(node))
        self.row_path = node.row_path
        self.items: FieldPlan

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

    def matched(self, gold: Any, predicted: Any) -> Iterator[tuple[int | str, Any, Any]]:
        """Index or key, gold and predicted item of every pair and leftover; what one side lacks is MISSING."""
        raise NotImplementedError

    def paired(self, n: int, out: Walk) -> None:
        """So many rows were found on both sides."""
        if self.row_path is not None:
            out.rows.append((self.row_path, C, n))

    def absent(self, absent: Outcome, out: Walk) -> None:
        """Both sides are empty."""
        out.extend((path, absent, None, None, None) for path in self.paths)
        out.rows.extend((path, absent, 1) for path in self.rows)


class RowsPlan(ItemsPlan):
    """A list: its items are paired, then compared."""

    def __init__(self, node: ListNode) -> None:
        super().__init__(node)
        self.pairing = node.pairing

    def compare(self, gold: Any, predicted: Any, absent: Outcome, out: Walk) -> None:
        """Pairs, then what is missing, then what is extra."""
        gold, predicted = _items(gold), _items(predicted)
        if not gold and not predicted:
            self.absent(absent, out)
            return
        pairing = self._pair(gold, predicted, out.texts) if gold and predicted else Pairing({})
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

    def matched(self, gold: Any, predicted: Any) -> Iterator[tuple[int | str, Any, Any]]:
        """In gold's order, then the extra rows by their own index."""
        mine, theirs = _items(gold), _items(predicted)
        pairs = self._pair(mine, theirs, {}).pairs if mine and theirs else {}
        yield from ((i, row, theirs[pairs[i]] if i in pairs else MISSING) for i, row in enumerate(mine))
        taken = set(pairs.values())
        yield from ((j, MISSING, row) for j, row in enumerate(theirs) if j not in taken)

    def may_pair(
        self, gold: Sequence[Any], predicted: Sequence[Any], charged: Collection[str]
    ) -> list[set[int]] | None:
        """Lists that share a value, or of which rows are alike."""
        mine, theirs = [_items(value) for value in gold], [_items(value) for value in predicted]
        if self.items.comparator is not None:
            return _sharing_a_value(self.items.comparator, mine, theirs)
        rule = self.pairing or Align()
        if not isinstance(rule, Align) or rule.keys:
            return None
        return _pairing_a_row(self._row_plan, mine, theirs, charged, rule.min_similarity)

    @cached_property
    def _row_plan(self) -> RowPlan:
        return RowPlan(self.items, _row_leaves(self.items))

    def _pair(self, gold: list[Any], predicted: list[Any], texts: RowTexts) -> Pairing:
        if self.items.comparator is not None:
            ordered = isinstance(self.pairing, Ordered)
            return Pairing(pair_scalars(self.items.comparator, gold, predicted, ordered=ordered))
        return pair_rows(self._row_plan, gold, predicted, self.pairing or Align(), texts)


class KeyedPlan(ItemsPlan):
    """A dict, aligned by its keys."""

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

    def matched(self, gold: Any, predicted: Any) -> Iterator[tuple[int | str, Any, Any]]:
        """In gold's order, then the extra keys."""
        mine, theirs = _mapping(gold), _mapping(predicted)
        yield from ((str(key), mine.get(key, MISSING), theirs.get(key, MISSING)) for key in {**mine, **theirs})


def _row_leaves(
    plan: FieldPlan, names: tuple[str, ...] = (), above: tuple[FieldPlan, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldPlan]]:
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


def _sharing_a_value(comparator: Comparator, gold: Lists, predicted: Lists) -> list[set[int]] | None:
    """For each list of scalars, the places of the predicted lists that share a value.

    None where only comparing tells whether two values are the same.
    """
    column = Column(comparator, list(chain.from_iterable(gold)), list(chain.from_iterable(predicted)))
    return None if column.keys is None else _sharing(column.keys, gold, predicted)


def _pairing_a_row(
    plan: RowPlan, gold: Lists, predicted: Lists, charged: Collection[str], least: float
) -> list[set[int]] | None:
    """For each list of models, the places of the predicted lists of which a row may pair with one of its own.

    Two rows do that if they have an equal value in some field, or are as much alike as `least`. None where that cannot
    be said: lists below the rows, values without a key, or rows that label other fields than those that are charged.
    """
    rows, others = list(chain.from_iterable(gold)), list(chain.from_iterable(predicted))
    if plan.whole or not set(plan.paths) <= set(charged):
        return None
    table = Table(plan, rows, others, least)
    if not all(column.all_labelled and column.keys is not None for column in table.columns):
        return None
    candidates: list[set[int]] = [set() for _ in gold]
    for column in table.columns:
        assert column.keys is not None  # as was just seen
        for near, sharing in zip(candidates, _sharing(column.keys, gold, predicted, null=False), strict=True):
            near |= sharing
    _add_alike(candidates, table, gold, predicted)
    return candidates


def _sharing(
    keys: tuple[list[Hashable], list[Hashable]], gold: Lists, predicted: Lists, *, null: bool = True
) -> list[set[int]]:
    """By keys that are equal; `null` counts as one."""
    index: dict[Hashable, set[int]] = {}
    for key, place in zip(keys[1], _places(predicted), strict=True):
        if null or key is not None:
            index.setdefault(key, set()).add(place)
    candidates: list[set[int]] = [set() for _ in gold]
    for key, place in zip(keys[0], _places(gold), strict=True):
        candidates[place] |= index.get(key, set())
    return candidates


def _add_alike(candidates: list[set[int]], table: Table, gold: Lists, predicted: Lists) -> None:
    """The lists with rows that are alike enough; each text is compared with each once."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import extract

    mine, theirs = (_by_text(table, side, is_gold) for side, is_gold in ((gold, True), (predicted, False)))
    likeness, least = Indel.normalized_similarity, table.min_similarity
    texts = list(theirs)
    for text, places in mine.items():
        near: set[int] = set()
        for other, _, _ in extract(text, texts, scorer=likeness, score_cutoff=least, limit=None):
            near |= theirs[other]
        for place in places:
            candidates[place] |= near


def _by_text(table: Table, lists: Lists, is_gold: bool) -> dict[str, set[int]]:
    places: dict[str, set[int]] = {}
    for number, place in enumerate(_places(lists)):
        places.setdefault(table.shown(is_gold, number).text, set()).add(place)
    return places


def _places(lists: Lists) -> Iterable[int]:
    return (place for place, items in enumerate(lists) for _ in items)
