"""Rows find each other: the objective kept exactly, checked against every assignment there is."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from costs import cost_s
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rapidfuzz.distance import Indel
from scipy.optimize import linear_sum_assignment

from pytest_llm_extract import Align, AnyOf, Ordered, Outcome, Tolerance, score
from pytest_llm_extract.scoring.compare import pair_rows as rows_module
from pytest_llm_extract.scoring.compare.assignment import assign, in_order

C, W, M, S, A = Outcome.CORRECT, Outcome.WRONG, Outcome.MISSING, Outcome.SPURIOUS, Outcome.ABSENT_OK


class Part(BaseModel):
    sku: str | None = None
    price: Decimal | None = None


class Row(BaseModel):
    sku: str | None = None
    name: str | None = None
    price: float | None = None
    tags: list[str] = []
    parts: list[Part] = []


class Flat(BaseModel):
    sku: str | None = None
    name: str | None = None
    price: float | None = None


class Order(BaseModel):
    rows: list[Row] = []
    tags: list[str] = []
    numbers: list[float] = []


def outcomes(gold: Any, predicted: Any, **compare: Any) -> dict[str, list[Outcome]]:
    """Outcomes by field path."""
    result = score(gold, predicted, Order, compare={key.replace("__", "[]."): rule for key, rule in compare.items()})
    return {path: [leaf.outcome for leaf in leaves] for path, leaves in result.leaves.items()}


def assignments(n: int, m: int) -> Iterator[dict[int, int]]:
    """Every way to give each row of the shorter side a row of the longer one."""
    if n <= m:
        yield from (dict(enumerate(chosen)) for chosen in itertools.permutations(range(m), n))
    else:
        yield from ({i: j for j, i in enumerate(chosen)} for chosen in itertools.permutations(range(n), m))


FIELDS = ("sku", "name", "price")
Plain = dict[str, Any]


def tally(gold: Plain | None, predicted: Plain | None, charged: set[str]) -> tuple[int, int]:
    """Correct leaves, and wrong, missing and spurious ones, of one pair or one leftover."""
    right = wrong = 0
    if gold is None:
        assert predicted is not None
        return 0, sum(predicted.get(key) is not None for key in charged)
    for key in gold:
        value, other = gold[key], predicted.get(key) if predicted else None
        if value is not None and value == other:
            right += 1
        elif value is not None or other is not None:
            wrong += 1
    return right, wrong


def similarity(gold: Plain, predicted: Plain, charged: set[str]) -> float:
    """Of the two rows as text."""
    one, other = (
        "\x1f".join(str(row[key]) for key in FIELDS if key in charged and row.get(key) is not None)
        for row in (gold, predicted)
    )
    return float(Indel.normalized_similarity(one, other))


def objective(gold: list[Plain], predicted: list[Plain], pairs: dict[int, int]) -> tuple[int, int]:
    """Correct leaves and errors of an assignment; a refused pair costs what two leftovers cost."""
    charged = {key for row in gold for key in row}
    right = wrong = 0
    for i, j in pairs.items():
        found = tally(gold[i], predicted[j], charged)
        if not found[0] and similarity(gold[i], predicted[j], charged) < 0.5:
            found = (0, tally(gold[i], None, charged)[1] + tally(None, predicted[j], charged)[1])
        right, wrong = right + found[0], wrong + found[1]
    wrong += sum(tally(row, None, charged)[1] for i, row in enumerate(gold) if i not in pairs)
    taken = set(pairs.values())
    wrong += sum(tally(None, row, charged)[1] for j, row in enumerate(predicted) if j not in taken)
    return right, -wrong


values = {
    "sku": st.none() | st.sampled_from(["a", "b", "c"]),
    "name": st.none() | st.sampled_from(["bolt", "bolts", "nut"]),
    "price": st.none() | st.sampled_from([1.0, 2.0, 3.0]),
}
full_row = st.fixed_dictionaries(values)
partial_row = st.fixed_dictionaries({}, optional=values)


def test_the_beginnings_of_long_values_say_how_alike_rows_are() -> None:
    """Of a value, 1,000 characters: two long texts that go on differently are a pair, two that begin so are none."""
    head = "The parties agree as follows. " * 40
    gold = [{"name": head + "a" * 5_000}]
    assert score({"rows": gold}, {"rows": [{"name": head + "b" * 5_000}]}, Order).fields["rows[]"].correct == 1
    assert score({"rows": gold}, {"rows": [{"name": "z" * 1_000 + head * 9}]}, Order).fields["rows[]"].correct == 0


@pytest.mark.parametrize("row", [Flat, Row])
@settings(max_examples=200)
@given(
    gold=st.lists(full_row, min_size=1, max_size=4) | st.lists(full_row | partial_row, min_size=1, max_size=4),
    predicted=st.lists(full_row, min_size=1, max_size=4),
)
@example(
    gold=[{"sku": "a", "price": 1.0}, {"sku": "a", "price": 2.0}],
    predicted=[{"sku": "a", "price": 1.0}, {"sku": "b", "price": 1.0}],
)
@example(
    gold=[{"sku": "a"}, {"sku": "a", "price": 1.0}],
    predicted=[{"sku": "a", "price": 1.0}, {"sku": "a", "price": 2.0}],
)
def test_alignment_equals_brute_force(row: type[BaseModel], gold: list[Plain], predicted: list[Plain]) -> None:
    """Correct leaves first, then fewest errors, over every assignment; null and unlabelled leaves included."""
    counts = score(gold, predicted, list[row]).counts.values()  # type: ignore[valid-type]
    found = sum(c.correct for c in counts), -sum(c.wrong + c.missing + c.spurious for c in counts)
    best = max(objective(gold, predicted, pairs) for pairs in assignments(len(gold), len(predicted)))
    assert found == best


@pytest.mark.parametrize("row", [Flat, Row])
@settings(max_examples=200)
@given(
    gold=st.lists(full_row, max_size=5),
    predicted=st.lists(full_row, max_size=5),
    rng=st.randoms(use_true_random=False),
)
def test_order_of_rows_changes_no_count(
    row: type[BaseModel], gold: list[Plain], predicted: list[Plain], rng: random.Random
) -> None:
    """Shuffling either side leaves every count of every field as it is, also where assignments tie."""
    there = score(gold, predicted, list[row]).counts  # type: ignore[valid-type]
    shuffled = rng.sample(gold, len(gold)), rng.sample(predicted, len(predicted))
    assert score(*shuffled, list[row]).counts == there  # type: ignore[valid-type]


@settings(max_examples=200)
@given(st.data())
def test_assignment_equals_scipy(data: st.DataObject) -> None:
    """The greatest sum, also of integers that no float holds."""
    n = data.draw(st.integers(1, 7))
    m = data.draw(st.integers(n, 8))
    top = data.draw(st.sampled_from([2, 5, 100]))
    gains = [[data.draw(st.integers(0, top)) for _ in range(m)] for _ in range(n)]
    chosen = assign(gains)
    assert len(set(chosen)) == n
    rows, columns = linear_sum_assignment(gains, maximize=True)
    best = sum(gains[i][j] for i, j in zip(rows, columns, strict=True))
    assert sum(gains[i][j] for i, j in enumerate(chosen)) == best
    huge = [[gain * 10**40 + 1 for gain in row] for row in gains]
    assert sum(gains[i][j] for i, j in enumerate(assign(huge))) == best


@settings(max_examples=200)
@given(st.lists(st.lists(st.none() | st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=4))
def test_pairs_in_order_equal_brute_force(gains: list[list[int | None]]) -> None:
    """The greatest sum over pairs that do not cross."""

    def gain(i: int, j: int) -> int | None:
        return gains[i][j]

    pairs = in_order(len(gains), 4, gain)
    assert list(pairs.values()) == sorted(pairs.values())
    best = 0
    for size in range(1, 5):
        for mine in itertools.combinations(range(len(gains)), size):
            for theirs in itertools.combinations(range(4), size):
                found = [gains[i][j] for i, j in zip(mine, theirs, strict=True)]
                if None not in found:
                    best = max(best, sum(value or 0 for value in found))
    assert sum(gains[i][j] or 0 for i, j in pairs.items()) == best


@settings(max_examples=200)
@given(st.lists(st.integers(0, 6), max_size=5), st.lists(st.integers(0, 6), max_size=5))
def test_scalars_with_tolerance_equal_brute_force(gold: list[int], predicted: list[int]) -> None:
    """As many pairs within the tolerance as there can be, although being within it does not carry over."""
    result = score({"numbers": gold}, {"numbers": predicted}, Order, compare={"numbers[]": Tolerance(abs=1)})
    best = max(
        sum(abs(gold[i] - predicted[j]) <= 1 for i, j in pairs.items())
        for pairs in assignments(len(gold), len(predicted))
    )
    assert result.counts["numbers[]"].correct == best


def test_one_row_three_times_costs_precision() -> None:
    """One is right, two are extra."""
    row = {"sku": "a", "name": "bolt", "price": 1}
    counts = score({"rows": [row]}, {"rows": [row] * 3}, Order).counts["rows[].sku"]
    assert (counts.correct, counts.spurious, counts.precision, counts.recall) == (1, 2, 1 / 3, 1)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([], [], {"rows[].sku": [A]}),
        ([{"sku": "a"}], [], {"rows[].sku": [M]}),
        ([{"sku": "a"}], [{"sku": x} for x in "xya"], {"rows[].sku": [C, S, S]}),
        ([{"sku": x} for x in "xya"], [{"sku": "a"}], {"rows[].sku": [C, M, M]}),
        ([{"sku": "a"}, {"sku": None}], [{"sku": None}, {"sku": "a"}], {"rows[].sku": [C, A]}),
        ([{"sku": AnyOf("a", "b")}, {"sku": "b"}], [{"sku": "b"}, {"sku": "a"}], {"rows[].sku": [C, C]}),
    ],
)
def test_sizes(gold: list[Plain], predicted: list[Plain], expected: dict[str, list[Outcome]]) -> None:
    """Both empty, one side empty, one against many, rows without a value, alternatives."""
    found = outcomes({"rows": gold}, {"rows": predicted})
    assert {path: found[path] for path in expected} == expected


def test_equal_rows_are_paired_unless_that_costs_more() -> None:
    """Twins stay together, except where both are worth more elsewhere and the other two rows share nothing."""
    gold = [{"sku": "x", "name": "y"}, {"sku": "x", "name": "q"}]
    apart = [{"sku": "x", "name": "y"}, {"sku": "p", "name": "y"}]
    assert outcomes({"rows": gold}, {"rows": apart}) == {"rows[].sku": [W, C], "rows[].name": [C, W]}
    alike = [{"sku": "x", "name": "y"}, {"sku": "p", "name": "q"}]
    assert outcomes({"rows": gold}, {"rows": alike}) == {"rows[].sku": [C, W], "rows[].name": [C, C]}


def test_nested_lists_recurse() -> None:
    """Rows are paired by what their lists hold, and those lists are aligned again."""
    gold = {"rows": [{"parts": [{"sku": "a"}, {"sku": "b"}], "tags": ["x"]}, {"parts": [{"sku": "c"}], "tags": ["y"]}]}
    turned = [{"parts": [{"sku": "c"}], "tags": ["y"]}, {"parts": [{"sku": "b"}, {"sku": "z"}], "tags": ["x"]}]
    assert outcomes(gold, {"rows": turned}) == {"rows[].parts[].sku": [C, M, S, C], "rows[].tags[]": [C, C]}


def test_rows_whose_lists_are_labelled_here_and_there() -> None:
    """A row that does not label its list takes the one whose list would cost most as an extra row."""
    gold = [{"sku": "a"}, {"sku": "b", "tags": ["x"]}]
    predicted = [{"sku": "a", "tags": []}, {"sku": "a", "tags": ["p", "q", "r"]}]
    assert outcomes({"rows": gold}, {"rows": predicted}) == {"rows[].sku": [C, M, S], "rows[].tags[]": [M]}


def by_key(gold: list[Plain], predicted: list[Plain], **rule: Any) -> dict[str, list[Outcome]]:
    """Outcomes under Align."""
    return outcomes({"rows": gold}, {"rows": predicted}, rows=Align(**rule))


def test_align_by_key() -> None:
    """Rows of the same key belong together whatever else they hold; the same key twice goes to the better row."""
    gold = [{"sku": "a", "name": "bolt"}, {"sku": "b", "name": "nut"}]
    crossed = [{"sku": "b", "name": "bolt"}, {"sku": "a", "name": "nut"}]
    assert by_key(gold, crossed, key="sku") == {"rows[].sku": [C, C], "rows[].name": [W, W]}
    assert by_key(gold, crossed, key="name") == {"rows[].sku": [W, W], "rows[].name": [C, C]}
    twice = [{"sku": "a", "name": "x"}, {"sku": "a", "name": "bolt"}]
    assert by_key(gold, twice, key="sku") == {"rows[].sku": [C, M, S], "rows[].name": [C, M, S]}
    assert by_key(gold, crossed, key=["sku", "name"]) == {"rows[].sku": [M, M, S, S], "rows[].name": [M, M, S, S]}


def test_rows_without_a_key() -> None:
    """They are paired optimally with what no keyed row took."""
    gold: list[Plain] = [{"sku": None, "name": "bolt"}, {"sku": "b", "name": "nut"}]
    predicted: list[Plain] = [{"sku": "b", "name": "nut"}, {"sku": "z", "name": "bolt"}]
    assert by_key(gold, predicted, key="sku") == {"rows[].sku": [S, C], "rows[].name": [C, C]}
    twice: list[Plain] = [{"sku": "b", "name": "nut"}, {"sku": "b", "name": "bolt"}]  # b is taken once
    assert by_key(gold, twice, key="sku") == {"rows[].sku": [S, C], "rows[].name": [C, C]}


def test_rows_whose_key_is_not_labelled() -> None:
    """What gold does not say may be anything: they are paired by what is labelled, with what no keyed row took."""
    gold: list[Plain] = [{"name": "nut"}, {"sku": "a", "name": "bolt"}]
    for other in ("a", "b", None):  # its key may also be that of another row
        predicted: list[Plain] = [{"sku": "a", "name": "bolt"}, {"sku": other, "name": "nut"}]
        assert by_key(gold, predicted, key="sku") == {"rows[].name": [C, C], "rows[].sku": [C]}
    # The row of a key goes first, even where it fits worse.
    assert by_key(gold, [{"sku": "a", "name": "nut"}], key="sku") == {"rows[].sku": [C], "rows[].name": [W, M]}
    # Rows without a key share out what is left as a whole: nobody takes what another fits better.
    keyless: list[Plain] = [{"sku": None, "name": "pin", "price": 1}, {"name": "nut", "price": 1}]
    assert by_key(keyless, [{"sku": "z", "name": "nut", "price": 1}], key="sku") == {
        "rows[].name": [C, M], "rows[].price": [C, M],
    }  # fmt: skip


def test_rows_that_label_a_part_of_their_key() -> None:
    """That part binds; rows that label more of it choose first, wherever they stand."""
    key = ["sku", "name"]
    predicted: list[Plain] = [
        {"sku": "a", "name": "nut", "price": 1},
        {"sku": "a", "name": "bolt", "price": 2},
        {"sku": "b", "name": "nut", "price": 3},
    ]
    gold: list[Plain] = [{"price": 3}, {"sku": "a", "price": 1}, {"sku": "a", "name": "nut", "price": 1}]
    for rows in itertools.permutations(gold):
        found = by_key(list(rows), predicted, key=key)
        assert (sorted(found["rows[].sku"]), found["rows[].name"]) == ([C, C], [C])
        assert sorted(found["rows[].price"]) == [C, C, W]  # the nut of 1 is the third row's
    assert by_key([{"sku": "c", "price": 1}], predicted, key=key)["rows[].price"] == [M, S, S, S]


def test_rows_that_may_be_null_count_alike_in_any_order() -> None:
    """Which row gets the null of the answer, and which is left over, does not depend on where they stand."""
    gold: list[Plain] = [{}, {"name": AnyOf("zz", None)}, {}]
    predicted: list[Plain] = [{"name": None}, {"name": "1,500"}, {}]
    found = [score({"rows": list(rows)}, {"rows": predicted}, Order).fields for rows in itertools.permutations(gold)]
    assert all(fields == found[0] for fields in found)
    assert by_key([{"sku": AnyOf("a", None), "name": "x"}], [{"name": "x"}]) == {"rows[].sku": [A], "rows[].name": [C]}


def test_alternatives_are_as_alike_as_the_first() -> None:
    """A row with several right answers finds the one that nearly says the first, whatever else is right."""
    gold = [{"sku": AnyOf("bolt M8", "something quite different", "a third one")}]
    assert by_key(gold, [{"sku": "bolt M9"}]) == {"rows[].sku": [W]}


def test_min_similarity() -> None:
    """0 pairs rows that share nothing; so they are wrong instead of missing and extra."""
    gold, predicted = [{"sku": "bolt", "name": "x"}], [{"sku": "9-Q", "name": "77"}]
    assert by_key(gold, predicted) == {"rows[].sku": [M, S], "rows[].name": [M, S]}
    assert by_key(gold, predicted, min_similarity=0) == {"rows[].sku": [W], "rows[].name": [W]}


def test_ordered() -> None:
    """In sequence: scalars by a longest common subsequence, rows without crossings."""
    gold, turned = {"tags": list("abcd")}, {"tags": list("bacd")}
    assert outcomes(gold, turned, tags=Ordered()) == {"tags[]": [C, C, C, M, S]}
    assert outcomes(gold, turned) == {"tags[]": [C] * 4}
    rows = [{"sku": "a", "name": "bolt"}, {"sku": "b", "name": "nut"}]
    assert outcomes({"rows": rows}, {"rows": rows[::-1]}, rows=Ordered())["rows[].sku"] == [C, M, S]
    assert outcomes({"rows": rows}, {"rows": [{"sku": "new", "name": "x"}, *rows]}, rows=Ordered())["rows[].sku"] == [
        C, C, S,
    ]  # fmt: skip


def test_rules_below_rows() -> None:
    """A comparator that does not carry over decides which rows belong together, too."""

    class Line(BaseModel):
        price: Annotated[float, Tolerance(abs=1)]

    gold, predicted = [{"price": 2}, {"price": 3}], [{"price": 2}, {"price": 1}]
    assert score(gold, predicted, list[Line]).exact


def test_rows_with_values_that_cannot_be_read() -> None:
    """A leaf of the wrong type, a list even, is wrong in its row, and the rows still find each other."""
    gold = [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}, {"sku": "c", "price": 3}]
    predicted = [{"sku": "c", "price": [3]}, {"sku": "b", "price": [3]}, {"sku": "a", "price": 1}]
    found = outcomes({"rows": [{"parts": gold}]}, {"rows": [{"parts": predicted}]})
    assert found == {"rows[].parts[].sku": [C, C, C], "rows[].parts[].price": [C, W, W]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True])
def test_rows_with_odd_numbers(value: float) -> None:
    """Not a number, infinite, or a bool among floats: nothing breaks, and a document matches itself."""
    rows = [Flat(sku="a", price=value), Flat(sku="b", price=1.0), Flat(sku="c", price=value)]
    assert score(rows, rows[::-1], list[Flat]).exact


def many(n: int) -> list[Plain]:
    """Rows of which many share a name."""
    return [{"sku": f"S{k}", "name": f"part {k % 20}", "price": k % 50 + 0.5} for k in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [{"price": None}, {"name": "something else"}])
def test_a_thousand_rows(spoil: Plain) -> None:
    """Half of them unequal, shuffled: every sku finds its row, in less than six seconds of computing."""
    gold = many(1000)
    predicted = [row | spoil if k % 2 else row for k, row in enumerate(gold)]
    random.Random(0).shuffle(predicted)
    assert cost_s(lambda: score({"rows": gold}, {"rows": predicted}, Order)) < 6
    counts = score({"rows": gold}, {"rows": predicted}, Order).counts
    assert (counts["rows[].sku"].correct, counts[f"rows[].{next(iter(spoil))}"].correct) == (1000, 500)


def test_long_lists_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the stated size rows are aligned in blocks: the same answer here, without a matrix of all pairs."""
    gold = many(60)
    predicted = [row | {"price": 99.0} for row in gold]
    random.Random(0).shuffle(predicted)
    monkeypatch.setattr(rows_module, "MAX_PAIRS", 100)
    assert score({"rows": gold}, {"rows": predicted}, Order).counts["rows[].sku"].correct == 60
    rule = Ordered()
    assert score({"rows": gold}, {"rows": predicted[:50]}, Order, compare={"rows": rule}).counts["rows[].sku"].n >= 60
