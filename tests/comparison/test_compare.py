"""Which variants may be the best, what differs, and how sure that is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fara import FARA, PROMPTS, Filing
from hypothesis import given
from hypothesis import strategies as st
from real_models import REAL_MODELS
from scipy import stats

from pytest_llm_extract.comparison.claims import best_set
from pytest_llm_extract.comparison.compare import VariantComparison, compare_variants
from pytest_llm_extract.comparison.differences import difference
from pytest_llm_extract.comparison.scores import ALL, Scores
from pytest_llm_extract.comparison.sentences import (
    best_sentences,
    best_two_sentences,
    choice_sentences,
    left_out_sentences,
)
from pytest_llm_extract.report.variants import variants_lines
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.stats.intervals import mean_interval, t_quantile, tango


def scored(
    variant: str, schema: Schema, gold: list[dict[str, Any]], raw: dict[str, str], *, primary: bool
) -> SuiteResult:
    """A variant as a run would have scored it."""
    cases = tuple(
        score_answer(schema, schema.read_gold(row["expected"]), read_answer(schema, raw[row["id"]]), case_id=row["id"])
        for row in gold
    )
    ids = tuple(row["id"] for row in gold)
    rules = GateRules()
    return SuiteResult("t.py::t", variant, ids, schema.paths, rules, cases=cases, is_primary=primary, is_gated=primary)


@pytest.fixture(scope="module")
def filings() -> VariantComparison:
    """Five prompts on 120 real filings, held against zero_shot."""
    if not FARA.is_dir():
        pytest.skip("the FARA data is not beside this checkout")
    schema = Schema.of(Filing, "test", None)
    gold = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    suites = []
    for prompt in PROMPTS:
        rows = map(json.loads, (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8"))
        raw = {row["id"]: json.dumps(row["output"]) for row in rows}
        suites.append(scored(prompt, schema, gold, raw, primary=prompt == "zero_shot"))
    return compare_variants(suites, alpha=0.05)


def test_filings_best_and_claims(filings: VariantComparison) -> None:
    """Two prompts changed the form of dates; the others cannot be told from zero_shot field by field."""
    assert filings.best == ("zero_shot", "no_schema")
    claimed = {(claim.variant, claim.field): len(claim.lost) for claim in filings.claims}
    assert claimed == {
        ("one_shot", "file_date"): 53,
        ("one_shot", "all"): 53,
        ("five_shot", "file_date"): 53,
        ("five_shot", "all"): 54,
    }
    assert [claim.p_adj for claim in filings.claims] == sorted(claim.p_adj for claim in filings.claims)
    assert filings.advice["five_shot"]["file_date"] == "51 of the 53 lost values match as dates: consider DateText()"


def test_filings_as_people_read_them(filings: VariantComparison) -> None:
    """Members of the set are not called equal: the interval says how far apart they may be."""
    assert best_sentences(filings) == [
        "zero_shot and no_schema are in the set of best (95%); the others are not",
        "no_schema and zero_shot cannot be told apart with 120 cases; they differ by at most 2.3 points",
    ]
    lines = variants_lines(filings, 80)
    table = [line for line in "\n".join(lines).splitlines() if "…" in line or "│" in line]
    assert any("zero_shot" in line for line in lines)
    assert table


def test_sentences_of_many_variants_are_few(filings: VariantComparison) -> None:
    """Thirty in the set of best are counted, and share the sentence about their distance."""
    (found,) = [d for d in filings.differences if (d.variant, d.field) == ("no_schema", "all")]
    names = [f"v{number}" for number in range(30)]
    differences = tuple(found._replace(variant=name, low=-0.01 * n, high=0.0) for n, name in enumerate(names, start=1))
    many = filings._replace(
        best=("zero_shot", *names),
        variants=(*filings.variants, *(filings.variants[0]._replace(name=name) for name in names)),
        differences=differences,
        left_out=dict.fromkeys([f"old{number}" for number in range(9)], "0 of 5 recorded"),
        close=tuple(names),
        margin=0.1,
    )
    assert best_sentences(many) == [
        f"31 of {len(many.variants)} variants are in the set of best (95%): zero_shot, v0, v1, v2, v3, …",
        "zero_shot and each of the 30 others cannot be told apart with 120 cases; they differ by at most "
        "1 point (v0) to 30 points (v29)",
    ]
    assert left_out_sentences(many)[0] == "old0, old1, old2, old3, old4, … (9 variants): 0 of 5 recorded, not compared"
    assert choice_sentences(many)[0].endswith("by more than 10 points: v0, v1, v2, v3, v4, …")


def test_worse_name_before_correction_is_no_claim_after_it(filings: VariantComparison) -> None:
    """chain_of_thought loses 6 names and gains none: p 1/64, which a family of 48 tests does not let stand."""
    found = next(d for d in filings.differences if (d.variant, d.field) == ("chain_of_thought", "registrant_name"))
    assert found.accuracy == -0.05
    assert found.high is not None
    assert found.high > 0
    assert not any(claim.variant == "chain_of_thought" for claim in filings.claims)


def _small_models(names: list[str], margin: float | None = None) -> VariantComparison:
    if not REAL_MODELS.is_dir():
        pytest.skip("the answers of the small models are not beside this checkout")
    import datetime
    from decimal import Decimal

    from pydantic import BaseModel

    class LineItem(BaseModel):
        description: str
        quantity: Decimal
        price: Decimal

    class Invoice(BaseModel):
        vendor: str
        invoice_number: str | None
        date: datetime.date | None
        currency: str
        amount: Decimal
        tax: Decimal | None
        line_items: list[LineItem]

    schema = Schema.of(Invoice, "test", None)
    gold = [json.loads(line) for line in (REAL_MODELS / "gold.jsonl").open(encoding="utf-8")]
    suites = []
    for name in names:
        rows = map(json.loads, (REAL_MODELS / "answers" / f"gemma3-{name}.jsonl").open(encoding="utf-8"))
        suites.append(scored(name, schema, gold, {row["id"]: row["raw"] for row in rows}, primary=name == names[0]))
    return compare_variants(suites, alpha=0.05, margin=margin)


def test_examples_carry_a_small_model() -> None:
    """Few-shot and one-shot are the set of best of six formulations; nothing that answers worse is in it."""
    found = _small_models(["base", "rules", "oneshot", "fewshot", "jsonobj", "described"])
    assert set(found.best) == {"oneshot", "fewshot"}


def test_two_formulations_trade_fields() -> None:
    """Few-shot reads vendors better; that it reads numbers worse (p 0.0065 alone) is not beyond noise in 20 tests."""
    found = _small_models(["oneshot", "fewshot"])
    assert [(claim.field, claim.direction) for claim in found.claims] == [("vendor", "better")]
    numbers = next(difference for difference in found.differences if difference.field == "invoice_number")
    assert (numbers.accuracy, numbers.high is not None and numbers.high < 0) == (-0.25, True)


def test_the_best_two_say_what_is_a_claim_and_what_may_be_noise() -> None:
    """Both fields that trade are shown with interval and adjusted p, whichever of the two is the reference."""
    said = best_two_sentences(_small_models(["oneshot", "fewshot"]))
    assert said[1:3] == [
        "fewshot is furthest ahead on vendor: +25.0 (+4.8…+46.9), +10 cases, −0, p_adj 0.0102",
        "fewshot is furthest behind on invoice_number: -25.0 (-48.8…+1.1), +2 cases, −12, p_adj 0.0736: may be noise",
    ]
    assert best_two_sentences(_small_models(["fewshot", "oneshot"])) == said
    without = best_two_sentences(_small_models(["base", "oneshot", "fewshot"]))
    assert without[2].endswith("(-48.8…+1.1), +2 cases, −12: may be noise")


def test_runs_that_differ_by_noise_make_no_claims() -> None:
    """Three runs with a seed of their own for every document: at most one ordered pair of six claims a difference."""
    names = ["fewshot_u1", "fewshot_u2", "fewshot_u3"]
    pairs = [(one, other) for one in names for other in names if one != other]
    assert sum(bool(_small_models([one, other]).claims) for one, other in pairs) <= 1


totals = st.lists(st.lists(st.integers(0, 9), min_size=6, max_size=6), min_size=2, max_size=5)


@given(totals)
def test_set_of_best_holds_the_leader(rows: list[list[int]]) -> None:
    """Whoever got most right cannot be beaten, and the order of variants changes nothing."""
    total = {f"v{number}": row for number, row in enumerate(rows)}
    best = best_set(total, 0.05)
    assert max(total, key=lambda name: sum(total[name])) in best
    assert set(best_set(dict(reversed(total.items())), 0.05)) == set(best)


def test_margin_recommends_the_cheapest_that_is_close_enough(filings: VariantComparison) -> None:
    """Without prices nothing is recommended, but what is close enough to the leader is named."""
    assert filings.recommended is None
    assert choice_sentences(filings) == ["the best of 5 scores 60.6% on these cases; on new documents, expect 60.4%"]


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        (0.12, "oneshot is not worse than fewshot by more than 12 points"),
        (0.03, "no variant is known not to be worse than fewshot by more than 3 points"),
    ],
)
def test_margin(margin: float, said: str) -> None:
    """The interval of one-shot against few-shot reaches down to -10.7 points."""
    first, second, *_ = choice_sentences(_small_models(["fewshot", "oneshot", "base"], margin))
    assert (first, second) == (said, "none is recommended, since a price is not known")


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 30, 119, 1_001, 10_000_000])
def test_t_quantile(df: int) -> None:
    """As scipy computes it."""
    for p in (0.9, 0.975, 0.9995):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9)


def test_mean_interval() -> None:
    """As scipy computes it; one value has no bounds."""
    values = [0.0, 1.0, -0.5, 0.25, 0.0]
    expected = stats.t.interval(0.95, 4, loc=0.15, scale=stats.sem(values))
    assert mean_interval(values, alpha=0.05) == pytest.approx(expected)
    assert mean_interval([1.0], alpha=0.05) == (-float("inf"), float("inf"))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
def test_score_interval(gained: int, lost: int, same: int) -> None:
    """It holds the observed difference, stays within -1..1, and turns round when the sides change places."""
    n = gained + lost + same
    low, high = tango(gained, lost, n, alpha=0.05)
    if n:
        assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert tango(lost, gained, n, alpha=0.05) == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.parametrize(("change", "low", "high"), [(0, -0.1135, 0.1135), (1, 0.3297, 0.5568), (2, 0.7730, 1.0)])
def test_no_spread_is_not_certainty(change: int, low: float, high: float) -> None:
    """In 30 cases of two fields all differ alike: the next one may not, as the score interval of 0 in 30 says."""
    groups = tuple((f"c{number}",) for number in range(30))
    by_field = {"a": {"f": [1] * 30, "g": [1] * 30}, "b": {"f": [int(change < 1)] * 30, "g": [int(change < 2)] * 30}}
    total = {name: [f + g for f, g in zip(rows["f"], rows["g"], strict=True)] for name, rows in by_field.items()}
    found = difference(Scores(groups, by_field, total, 1, 60), "a", "b", ALL, 0.05)
    assert (found.accuracy, found.low, found.high) == pytest.approx((change / 2, low, high), abs=1e-4)


def test_score_interval_without_any_change() -> None:
    """Nothing moved in 30 pairs: z² / (n + z²), as the score test has it."""
    assert tango(0, 0, 30, alpha=0.05)[1] == pytest.approx(3.8415 / 33.8415, abs=1e-4)
