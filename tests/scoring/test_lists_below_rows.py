"""Rows that hold lists: compared only where they may have something in common, with the same result."""

from __future__ import annotations

import random
from typing import Any

import pytest
from costs import cost_s
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pytest_llm_extract.results.outcome import FieldCounts
from pytest_llm_extract.scoring.compare.items_plan import RowsPlan
from pytest_llm_extract.scoring.score import score

Plain = dict[str, Any]


class Author(BaseModel):
    """A row below a row."""

    first: str | None = None
    last: str | None = None


class Journal(BaseModel):
    """A member of a union."""

    name: str | None = None
    volume: int | None = None


class Talk(BaseModel):
    """Another one."""

    name: str | None = None
    place: str | None = None


class Citation(BaseModel):
    """A row with two kinds of lists, a union and a dict."""

    title: str | None = None
    authors: list[Author] = []
    words: list[str | None] = []
    venue: Journal | Talk | None = None
    notes: dict[str, str | None] = {}


class Paper(BaseModel):
    """A document."""

    citations: list[Citation] = []


author = st.fixed_dictionaries({"first": st.none() | st.sampled_from(["Ann", "Anna", "Bo"]),
                                "last": st.none() | st.sampled_from(["Lee", "Leigh", "Ott"])})  # fmt: skip
partly: st.SearchStrategy[Plain] = author | st.just({"last": "Lee"}) | st.just({})
fields: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["x", "xy"]),
    "authors": st.lists(partly, max_size=3) | st.lists(author, max_size=3),
    "words": st.lists(st.none() | st.sampled_from("ab"), max_size=3),
    "venue": st.none() | st.sampled_from([{"name": "a"}, {"volume": 1}, {"name": "b", "place": None}, {"place": "a"}]),
    "notes": st.dictionaries(st.sampled_from("pq"), st.none() | st.sampled_from("ab"), max_size=2),
}
citation = st.fixed_dictionaries({}, optional=fields)


@settings(max_examples=300, deadline=None)
@given(st.lists(citation, max_size=4), st.lists(citation, max_size=4))
def test_what_is_not_compared_changes_no_result(gold: list[Plain], predicted: list[Plain]) -> None:
    """Every outcome is what comparing each pair of lists gives."""
    found = score({"citations": gold}, {"citations": predicted}, Paper)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowsPlan, "may_pair", lambda *_: None)
        expected = score({"citations": gold}, {"citations": predicted}, Paper)
    assert (found.leaves, found.rows) == (expected.leaves, expected.rows)


@settings(max_examples=300, deadline=None)
@given(st.lists(citation, max_size=4), st.lists(citation, max_size=4), st.randoms())
def test_order_of_rows_with_lists_changes_no_count(
    gold: list[Plain], predicted: list[Plain], order: random.Random
) -> None:
    """Rows, and rows below them, may come in any order: of equally good pairs, what is below them decides."""
    found = score({"citations": gold}, {"citations": predicted}, Paper)
    for rows in (gold, predicted, *(row.get(name, []) for row in (*gold, *predicted) for name in ("authors", "words"))):
        order.shuffle(rows)
    again = score({"citations": gold}, {"citations": predicted}, Paper)
    assert again.fields == found.fields


def test_an_empty_list_on_both_sides_counts_in_any_order() -> None:
    """Either row would do for the one of the answer. Which lists are rightly empty does not depend on their order."""
    gold = [{"title": "x", "words": ["a"], "authors": []}, {"title": "x", "words": [], "authors": [{"last": "a"}]}]
    found, again = (score({"citations": side}, {"citations": [{"title": "x"}]}, Paper) for side in (gold, gold[::-1]))
    assert found.fields == again.fields
    assert found.fields["citations[].words[]"] == FieldCounts(missing=1, absent_ok=1)
    assert found.fields["citations[].authors[].last"] == FieldCounts(missing=1)


def papers(n: int) -> tuple[Plain, Plain]:
    """Citations with three authors each, in another order and none entirely right."""
    rng = random.Random(0)
    names = ["".join(rng.choices("abcdefghijklmnop", k=8)) for _ in range(4 * n)]
    gold = [{"title": names[k], "authors": [{"first": rng.choice(names), "last": rng.choice(names)} for _ in range(3)]}
            for k in range(n)]  # fmt: skip
    predicted = [{**row, "title": f"{row['title']} 2"} for row in gold]
    rng.shuffle(predicted)
    return {"citations": gold}, {"citations": predicted}


def test_many_rows_with_lists_are_soon_compared() -> None:
    """A pair of rows costs far less than to compare their lists, which takes some 60 microseconds."""
    gold, predicted = papers(150)
    assert cost_s(lambda: score(gold, predicted, Paper)) < 150 * 150 * 30e-6
    result = score(gold, predicted, Paper)
    assert result.counts["citations[].authors[].last"].correct == 450
