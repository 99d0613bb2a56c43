"""Which rows may be trained on: none that a suite compares, that is held out, or that is nearly one of those."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_llm_extract.dataset.case import is_held_out
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.lints.near_duplicates import near_duplicates


class Split(NamedTuple):
    """The rows to train on and to validate with; `left_out` counts the others by the reason."""

    train: tuple[GoldenCase, ...]
    validation: tuple[GoldenCase, ...]
    left_out: dict[str, int]


def split_rows(
    rows: Sequence[GoldenCase], compared: Iterable[GoldenCase], *, validation: float, seed: int = 0
) -> Split:
    """Divide rows so that nothing leaks of any `compared` case: groups and near-duplicates stay together.

    `validation` is the share of groups that goes into the validation file, in 0..1; another `seed` draws others.
    """
    judged = list(compared)
    held = [row for row in rows if is_held_out(row.case.metadata)]
    kept = [row for row in rows if not is_held_out(row.case.metadata)]
    left_out = {"held out": len(held)}
    ids, texts = {one.case.id for one in judged}, [_text(one) for one in judged]
    groups = {one.case.group for one in (*judged, *held) if one.case.group is not None}
    kept, left_out["of a group that is compared or held out"] = _without(
        kept, [row for row in kept if row.case.group in groups]
    )
    kept, left_out["compared by a suite or held out, or nearly"] = _without(
        kept, [row for row in kept if row.case.id in ids and _text(row) in texts]
    )
    pairs = near_duplicates([*texts, *map(_text, held), *map(_text, kept)])
    n_judged = len(judged) + len(held)
    near = {pair.other - n_judged for pair in pairs if pair.one < n_judged <= pair.other}
    alike = [(p.one - n_judged, p.other - n_judged) for p in pairs if p.one >= n_judged]
    left_out["compared by a suite or held out, or nearly"] += len(near)
    train, checked = _divide(kept, near, alike, validation, seed)
    return Split(train, checked, {why: n for why, n in left_out.items() if n})


def _without(rows: list[GoldenCase], dropped: Sequence[GoldenCase]) -> tuple[list[GoldenCase], int]:
    gone = {id(row) for row in dropped}
    return [row for row in rows if id(row) not in gone], len(dropped)


def _text(row: GoldenCase) -> str:
    return row.case.input if isinstance(row.case.input, str) else str(row.case.input)


def _divide(
    rows: Sequence[GoldenCase], dropped: set[int], alike: Iterable[tuple[int, int]], validation: float, seed: int
) -> tuple[tuple[GoldenCase, ...], tuple[GoldenCase, ...]]:
    """Two parts of the rows that are not dropped; rows of one group, or that are nearly the same, go together."""
    parent = list(range(len(rows)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[str, int] = {}
    pairs = [*alike]
    pairs += [(first.setdefault(row.case.group, at), at) for at, row in enumerate(rows) if row.case.group is not None]
    for one, other in pairs:
        parent[max(root(one), root(other))] = min(root(one), root(other))
    clusters: dict[int, list[int]] = {}
    for at in range(len(rows)):
        clusters.setdefault(root(at), []).append(at)
    # What is nearly a compared case takes its whole cluster with it.
    usable = [places for places in clusters.values() if not dropped.intersection(places)]
    usable.sort(key=lambda places: _drawn(rows[places[0]].case.id, seed))
    n_checked = min(max(1, round(validation * len(usable))), len(usable) - 1) if validation and len(usable) > 1 else 0
    checked = sorted(at for places in usable[:n_checked] for at in places)
    train = sorted(at for places in usable[n_checked:] for at in places)
    return tuple(rows[at] for at in train), tuple(rows[at] for at in checked)


def _drawn(case_id: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {case_id}".encode("utf-8", "surrogatepass")).hexdigest()
