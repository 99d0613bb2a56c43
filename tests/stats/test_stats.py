"""The statistics of the regression gate against scipy, exhaustive enumeration and published numbers."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from fara import Filing
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, permutation_test

from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.stats.power import cases_to_decide, smallest_loss
from pytest_llm_extract.stats.signflip import SignFlip, sign_flip
from pytest_llm_extract.stats.stepdown import holm, step_down

FARA = Path(__file__).parents[3] / "shared" / "data" / "fara"
WHOLE = st.lists(st.integers(-4, 4), max_size=9)
SHARES = st.lists(st.integers(-120, 120).map(lambda n: Fraction(n, 60)), max_size=9)  # few enough sums to be exact
FIELDS = st.integers(1, 6).flatmap(lambda k: st.lists(st.tuples(*[st.integers(-1, 1)] * k), min_size=1, max_size=25))


def flipped(changes: Sequence[Fraction | int]) -> list[Fraction]:
    """The sums of all sign flips of the changed cases, ascending, by brute force."""
    sums = [Fraction(0)]
    for change in changes:
        if change:
            sums = [flip for total in sums for flip in (total + Fraction(change), total - Fraction(change))]
    return sorted(sums)


@given(WHOLE | SHARES)
def test_sign_flip_is_exhaustive(changes: list[Fraction | int]) -> None:
    """p and every attainable p are those of all sign flips, for whole and for fractional changes."""
    test, sums = sign_flip(changes), flipped(changes)
    assert test.p == bisect_right(sums, sum(changes)) / len(sums)
    if not any(changes):
        assert test.attainable(1.0) == 0.0
        return
    possible = [bisect_right(sums, total) / len(sums) for total in sorted(set(sums))]
    assert [test.attainable(p) for p in possible] == possible
    assert [test.attainable(math.nextafter(p, 0)) for p in possible] == [0.0, *possible[:-1]]


@pytest.mark.parametrize(("lost", "gained"), [(1, 0), (5, 0), (53, 1), (7, 4), (40, 60), (700, 610), (3000, 1000)])
def test_one_leaf_a_case_is_mcnemar(lost: int, gained: int) -> None:
    """With |d| = 1 the p is that of scipy's binomtest, far into the tail."""
    p = sign_flip([-1] * lost + [0] * 5 + [1] * gained).p
    assert p == pytest.approx(binomtest(gained, lost + gained, alternative="less").pvalue, rel=1e-9)


def test_agrees_with_scipys_permutation_test() -> None:
    """Paired samples of scipy, exact, on changes of several sizes."""
    changes = [-3, -2, 1, 1, -1, 2, -2, -1, 1, -1]
    zeros = [0] * len(changes)
    oracle = permutation_test(
        (changes, zeros),
        lambda a, b: sum(a) - sum(b),
        permutation_type="samples",
        alternative="less",
        n_resamples=2**12,
    )
    assert sign_flip(changes).p == pytest.approx(oracle.pvalue)


def test_many_unlike_fractions_are_sampled() -> None:
    """Too many sums for an exact answer: 100,000ths, near the normal approximation, in whatever order cases come."""
    random = Random(5)
    changes = [Fraction(random.randint(-20, 18), random.choice((7, 11, 13, 17, 19))) for _ in range(300)]
    test = sign_flip(changes)
    z = float(sum(changes)) / math.sqrt(sum(float(change) ** 2 for change in changes))
    assert test.p * 100_000 == pytest.approx(round(test.p * 100_000))
    assert test.p == pytest.approx(0.5 * math.erfc(-z / math.sqrt(2)), abs=0.01)
    assert test.attainable(test.p) == test.p
    assert test.attainable(1e-5) == 1e-5
    random.shuffle(changes)
    assert sign_flip(changes) == test


@pytest.mark.parametrize(("few", "many"), [(2, 14), (3, 20), (4, 17)])
def test_sampled_flips_come_near_the_exact_answer(few: int, many: int) -> None:
    """Too far apart to be counted, and yet two binomials: p and what it can be are within five standard errors."""
    far = 1_000_003
    test = sign_flip([far] * few + [-far] * (9 - few) + [1] * many + [-1] * (30 - many))
    ties = binom.pmf(few, 9, 0.5)
    exact = binom.cdf(few - 1, 9, 0.5) + ties * binom.cdf(many, 30, 0.5)
    allowed = 5 * math.sqrt(exact * (1 - exact) / 99_999)
    assert test.p == pytest.approx(exact, abs=allowed)
    lower = exact - ties * binom.pmf(many, 30, 0.5)
    assert test.attainable(math.nextafter(test.p, 0)) == pytest.approx(lower, abs=allowed)


@given(WHOLE, st.randoms(use_true_random=False))
def test_order_of_cases_does_not_matter(changes: list[int], random: Random) -> None:
    """Workers and shards deliver cases in any order."""
    shuffled = random.sample(changes, len(changes))
    assert sign_flip(shuffled) == sign_flip(changes)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9), st.data())
def test_one_more_lost_case_is_never_less_evidence(changes: list[int], data: st.DataObject) -> None:
    """Turning a gain into a loss of the same size cannot raise p."""
    place = data.draw(st.integers(0, len(changes) - 1))
    worse = [-abs(change) if index == place else change for index, change in enumerate(changes)]
    assert sign_flip(worse).p <= sign_flip(changes).p


def family(rows: Sequence[Sequence[int]]) -> tuple[dict[str, SignFlip], float]:
    """The tests of all columns, and the pooled p."""
    tests = {str(number): sign_flip(column) for number, column in enumerate(zip(*rows, strict=True))}
    return tests, sign_flip([sum(row) for row in rows]).p


@given(FIELDS)
def test_step_down_lies_between_p_and_holm(rows: list[tuple[int, ...]]) -> None:
    """Adjusted p are at least p, at most Holm over the same tests, and in the order of p."""
    tests, pooled = family(rows)
    result = step_down(tests, pooled)
    ps = {name: test.p for name, test in tests.items()} | {"pooled": pooled}
    assert result.pooled is not None
    adjusted = result.adjusted | {"pooled": result.pooled}
    bound = holm(ps)
    for name, p in ps.items():
        assert p <= adjusted[name] <= bound[name] + 1e-12
    in_order = [adjusted[name] for name in sorted(ps, key=lambda name: (ps[name], adjusted[name]))]
    assert in_order == sorted(in_order)


@given(FIELDS)
def test_names_of_fields_do_not_matter(rows: list[tuple[int, ...]]) -> None:
    """Fields in another order, under other names, get the same adjusted p."""
    tests, pooled = family(rows)
    turned = {f"field-{9 - int(name)}": test for name, test in reversed(tests.items())}
    before, after = step_down(tests, pooled), step_down(turned, pooled)
    assert {f"field-{9 - int(name)}": p for name, p in before.adjusted.items()} == after.adjusted
    assert before.pooled == after.pooled


def test_step_down_by_hand() -> None:
    """Three fields and the pooled test, added up step by step as the paper does."""
    tests = {"a": sign_flip([-1] * 6), "b": sign_flip([-1] * 4 + [1]), "c": sign_flip([-1])}
    result = step_down(tests, 1 / 32)
    assert result.adjusted["a"] == 1 / 64 + 1 / 64  # b attains 1/32 at least, c 1/2; the pooled test counts in full
    assert result.pooled == 1 / 32 + 1 / 32  # b attains 1/32
    assert result.adjusted["b"] == 6 / 32
    assert result.adjusted["c"] == 1 / 2


def test_one_moved_field_is_tested_once() -> None:
    """When nothing else moved, the pooled test is the same test again, and five lost cases fail."""
    still = {str(number): sign_flip([0] * 40) for number in range(14)}
    lost = sign_flip([-1] * 5 + [0] * 35)
    result = step_down({"vendor": lost, **still}, lost.p)
    assert result.adjusted["vendor"] == result.pooled == 1 / 32
    assert {result.adjusted[name] for name in still} == {1.0}


def test_nothing_moved() -> None:
    """No change anywhere: every p is 1, with and without a pooled test."""
    tests = {"a": sign_flip([]), "b": sign_flip([0, 0])}
    assert step_down(tests, 1.0).adjusted == step_down(tests, None).adjusted == {"a": 1.0, "b": 1.0}
    assert step_down(tests, None).pooled is None
    assert step_down({}, None).adjusted == {}


def test_holm_by_hand() -> None:
    """The example of three p-values; what comes later is never smaller."""
    assert holm({"a": 0.02, "b": 0.01, "c": 0.021}) == pytest.approx({"a": 0.04, "b": 0.03, "c": 0.04})


@pytest.mark.parametrize(
    ("n_cases", "n_fields", "alpha", "lost"),
    [(40, 15, 0.05, 5), (40, 1, 0.05, 5), (40, 6, 0.025, 6), (4, 3, 0.05, None)],
)
def test_smallest_loss(n_cases: int, n_fields: int, alpha: float, lost: int | None) -> None:
    """Five lost and none gained can fail at .05, six at half of it, and four cases cannot fail at all."""
    assert smallest_loss(n_cases, n_fields, alpha) == lost


def exact_power(n: int, lost: float, gained: float, level: float) -> float:
    """Power of McNemar's test by scipy: over the number of moved cases, then over how many of them are lost."""
    total = 0.0
    for moved in range(n + 1):
        needed = next((k for k in range(moved + 1) if binom.sf(k - 1, moved, 0.5) <= level), moved + 1)
        total += binom.pmf(moved, n, lost + gained) * binom.sf(needed - 1, moved, lost / (lost + gained))
    return total


@pytest.mark.parametrize(("lost", "gained", "n_fields"), [(4, 0, 1), (4, 0, 6), (6, 1, 3), (12, 4, 2), (30, 10, 1)])
def test_cases_to_decide_have_the_power(lost: int, gained: int, n_fields: int) -> None:
    """The number has power .8 by scipy, and one case fewer has not."""
    n = cases_to_decide(lost, gained, 40, n_fields, 0.05)
    assert n is not None
    level = 0.05 / (n_fields + 1) if n_fields > 1 else 0.05
    assert exact_power(n, lost / 40, gained / 40, level) >= 0.8
    assert exact_power(n - 1, lost / 40, gained / 40, level) < 0.8


def test_many_cases_to_decide_are_bounded() -> None:
    """A small drop needs thousands of cases; no drop, or a tiny one, has no number."""
    n = cases_to_decide(30, 20, 1000, 6, 0.05)
    assert n is not None
    assert 5_000 < n < 7_000
    assert cases_to_decide(30, 29, 1000, 6, 0.05) is None
    assert cases_to_decide(3, 3, 40, 6, 0.05) is None


def changes_of_filings(prompt: str) -> dict[str, list[Fraction]]:
    """Per field, the change of accuracy within each case from zero_shot to `prompt`."""
    schema = Schema.of(Filing, "test")
    cases = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    changes: dict[str, list[Fraction]] = {path: [Fraction(0)] * len(cases) for path in schema.paths}
    for name, sign in (("zero_shot", -1), (prompt, 1)):
        lines = map(json.loads, (FARA / "outputs" / f"{name}.jsonl").open(encoding="utf-8"))
        outputs = {row["id"]: row["output"] for row in lines}
        for index, case in enumerate(cases):
            answer = read_answer(schema, json.dumps(outputs[case["id"]]))
            for path, counts in score_answer(schema, schema.read_gold(case["expected"]), answer).counts.items():
                if counts.n:
                    changes[path][index] += sign * Fraction(counts.right, counts.n)
    return changes


@pytest.mark.skipif(not FARA.is_dir(), reason="the FARA data is not beside this checkout")
@pytest.mark.parametrize("prompt", ["one_shot", "five_shot", "chain_of_thought", "no_schema"])
def test_published_verdicts_come_out(prompt: str) -> None:
    """Lost, gained and every p of four changes of prompt, over 120 filings and six fields."""
    facts = json.loads((FARA / "facts.json").read_text(encoding="utf-8"))["paired"][f"zero_shot -> {prompt}"]
    changes = changes_of_filings(prompt)
    tests = {path: sign_flip(column) for path, column in changes.items()}
    pooled = sign_flip([sum(row) for row in zip(*changes.values(), strict=True)]).p
    result, bound = step_down(tests, pooled), holm({path: test.p for path, test in tests.items()})
    for path, column in changes.items():
        found = {
            "lost": sum(change < 0 for change in column),
            "gained": sum(change > 0 for change in column),
            "p_mcnemar_one_sided": tests[path].p,
            "p_holm": bound[path],
            "p_adj": result.adjusted[path],
        }
        assert found == pytest.approx(facts[path], rel=1e-5, abs=0), path
    kept = [column for path, column in changes.items() if result.adjusted[path] > 0.05]
    rest = sign_flip([sum(row) for row in zip(*kept, strict=True)]).p
    pooled_facts = [facts["pooled"][name] for name in ("p", "p_adj", "p_without_failed_fields")]
    assert [pooled, result.pooled, rest] == pytest.approx(pooled_facts, rel=1e-5, abs=0)
    failed = min(result.adjusted.values()) <= 0.05
    assert failed == (facts["verdict"] == "fail")
