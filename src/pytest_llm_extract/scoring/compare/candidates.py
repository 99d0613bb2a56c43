"""Which lists below two rows may have anything in common, found without comparing each with each."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from itertools import chain
from typing import Any

from pytest_llm_extract.scoring.compare.column import Column
from pytest_llm_extract.scoring.compare.comparators import Comparator
from pytest_llm_extract.scoring.compare.row_table import RowPlan, Table

Lists = Sequence[Sequence[Any]]


def sharing_a_value(comparator: Comparator, gold: Lists, predicted: Lists) -> list[set[int]] | None:
    """For each list of scalars, the places of the predicted lists that share a value.

    None where only comparing tells whether two values are the same.
    """
    column = Column(comparator, list(chain.from_iterable(gold)), list(chain.from_iterable(predicted)))
    return None if column.keys is None else _sharing(column.keys, gold, predicted)


def pairing_a_row(
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
