"""`score_partition`, which an engine maps: totals of partitions add up to those of one pass."""

from __future__ import annotations

import json
import pickle
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pytest_llm_extract import Text, Totals, score_partition
from pytest_llm_extract.corpus.totals import TotalsError
from pytest_llm_extract.errors import UnknownNameError, UsageError


class Row(BaseModel):
    sku: str | None = None
    price: float | None = None


class Document(BaseModel):
    vendor: str | None = None
    rows: list[Row] = []


class Other(BaseModel):
    vendor: int | None = None
    rows: list[Row] = []


WORDS = st.sampled_from([None, "a", "b", "B"])
ROWS = st.lists(st.fixed_dictionaries({}, optional={"sku": WORDS, "price": st.sampled_from([0.1, 0.2])}), max_size=4)
DOCUMENTS = st.fixed_dictionaries({}, optional={"vendor": WORDS, "rows": ROWS})
ANSWERS = st.one_of(
    st.none(),
    st.fixed_dictionaries({"output": DOCUMENTS}),
    st.fixed_dictionaries({"raw": st.one_of(DOCUMENTS.map(json.dumps), st.just("broken"))}),
)
CASES = st.lists(st.tuples(st.one_of(st.none(), DOCUMENTS), ANSWERS), min_size=1, max_size=12)


def records_of(cases: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Joined records; those without both sides are left out."""
    joined = [{"id": f"c{k}", "expected": gold, **(answer or {})} for k, (gold, answer) in enumerate(cases)]
    return [record for record in joined if len(record) > 2 or record["expected"] is not None]


@settings(max_examples=60, deadline=None)
@given(CASES, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_partitioning_gives_the_totals_of_one_pass(
    cases: list[tuple[Any, Any]], order: random.Random, n_parts: int
) -> None:
    """Counts, intervals, problems and worst cases; also through JSON, in any order, with partitions scored twice."""
    records = records_of(cases)
    whole = score_partition(records, Document)
    parts: list[list[dict[str, Any]]] = [[] for _ in range(n_parts)]
    for record in records:
        order.choice(parts).append(record)
    totals = [Totals.from_json(score_partition(part, Document).to_json()) for part in parts]
    again = order.choices(totals, k=2)
    added = sum(order.sample([*totals, *again], n_parts + 2), again[0] + again[1])
    assert (added.counts, added.examples) == (whole.counts, whole.examples)
    assert (added.fields(), added.tally()) == (whole.fields(), whole.tally())
    assert pickle.loads(pickle.dumps(added)) == Totals.from_json(added.to_json()) == added


def test_records_come_joined_or_not_as_values_or_text() -> None:
    """A row of a join, two rows of a union and JSON text are the same record; None is a value that is not there."""
    gold, answer = {"vendor": "ACME", "rows": [{"sku": "x"}]}, {"vendor": "Acme", "rows": []}
    forms: list[list[dict[str, Any]]] = [
        [{"id": 1, "expected": gold, "output": answer}],
        [{"id": "1", "output": answer}, {"id": "1", "expected": gold}],
        [{"id": 1, "expected": json.dumps(gold), "output": json.dumps(answer).encode(), "raw": None}],
        [{"id": 1, "expected": gold, "output": None, "raw": json.dumps(answer)}],
    ]
    found = [score_partition(form, Document) for form in forms]
    assert [totals.counts for totals in found] == [found[0].counts] * 4
    assert found[0].fields()["vendor"].counts.wrong == 1
    folded = score_partition(forms[0], Document, {"vendor": Text(casefold=True)})
    assert folded.fields()["vendor"].counts.correct == 1
    lost = score_partition([{"id": 1, "expected": gold, "output": None, "raw": float("nan")}], Document)
    assert lost.counts.problems == {"missing": 1}
    assert lost.examples.problems == {"missing": [(0, "'1'")]}


def test_totals_of_two_corpora_do_not_add_up() -> None:
    """Another schema, other rules, and a partition that is scored twice with two results are named."""
    record = {"id": "a", "expected": {"vendor": "1"}, "output": {"vendor": "1"}}
    totals = score_partition([record], Document)
    with pytest.raises(TotalsError, match="do not add up; they differ in the types of the schema"):
        totals + score_partition([record], Other)
    with pytest.raises(TotalsError, match="do not add up; they differ in the fields of the schema"):
        totals + score_partition([{"id": "a", "expected": {"sku": "1"}}], Row)
    with pytest.raises(TotalsError, match="do not add up; they differ in the rules"):
        totals + score_partition([record], Document, {"vendor": Text(casefold=True)})
    with pytest.raises(TotalsError, match=r"partition \w+ was scored twice, with other counts"):
        totals + score_partition([{**record, "output": {}}], Document)
    assert (totals + score_partition([{**record, "output": {}}], Document, partition="b")).n_cases == 2
    added: Any = sum([totals, Totals(), totals])
    assert added == sum([totals], Totals()) == totals


@pytest.mark.parametrize(
    ("record", "schema", "message"),
    [
        ({"expected": {}}, Document, "score_partition: record 1: id must be a string or a whole number, got None"),
        ({"id": 1.5, "expected": {}}, Document, "score_partition: record 1: id must be .* got 1.5"),
        ({"id": 1, "gold": {}}, Document, 'record "1" has none of expected, output, raw; it has id, gold'),
        ({"id": 1, "expected": {}}, int, "score_partition: the schema must be a pydantic model"),
    ],
)
def test_wrong_arguments(record: dict[str, Any], schema: Any, message: str) -> None:
    """One line that says what must be there; an error comes back whole from another process."""
    with pytest.raises(UsageError, match=message) as caught:
        score_partition([record], schema)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(UnknownNameError, match=r"no field 'vendr'\. Did you mean 'vendor'"):
        score_partition([], Document, {"vendr": Text()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not JSON"),
        ("{}", "is not a file of totals"),
        ('{"format": "pytest-llm-extract-totals", "version": 9}', "has format version 9, this version reads 1"),
        ('{"format": "pytest-llm-extract-totals", "version": 1, "parts": {"a": 1}}', "is damaged"),
    ],
)
def test_other_files_are_not_totals(text: str, message: str) -> None:
    """A file of another kind or version, or a damaged one, is one clear error."""
    with pytest.raises(TotalsError, match=message):
        Totals.from_json(text)
