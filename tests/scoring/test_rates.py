"""Rates: what adds up, adds up in any order; intervals agree with those of others."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from standin import StandIn
from statsmodels.stats import proportion

from pytest_llm_extract import Outcome, score
from pytest_llm_extract.gate.floors import judge_field, trivial_floors
from pytest_llm_extract.results.aggregate import Tally, by_group, summarize
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts, Status, Verdict
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.stats import intervals


class Line(BaseModel):
    sku: str | None = None
    price: int | None = None


class Order(BaseModel):
    vendor: str | None = None
    size: int | None = None
    lines: list[Line] = []


PATHS = ("vendor", "size", "lines[].sku", "lines[].price")
line = st.fixed_dictionaries({"sku": st.none() | st.sampled_from("ab"), "price": st.none() | st.integers(0, 2)})
document = st.fixed_dictionaries(
    {},
    optional={
        "vendor": st.none() | st.sampled_from("xy"),
        "size": st.none() | st.integers(0, 2),
        "lines": st.lists(line, max_size=3),
    },
)
pairs = st.lists(st.tuples(document, document | st.just("no json")), max_size=6)


def results(found: list[tuple[Any, Any]]) -> list[CaseResult]:
    """Scored cases."""
    return [score(gold, predicted, Order) for gold, predicted in found]


@settings(max_examples=100)
@given(pairs, st.randoms(use_true_random=False))
def test_order_of_cases_changes_no_total(found: list[tuple[Any, Any]], rng: random.Random) -> None:
    """Totals are exact, and those of fields are what a suite's summary has."""
    scored = results(found)
    whole = Tally.of(scored)
    shuffled = Tally.of(rng.sample(scored, len(scored)))
    assert (dict(shuffled.fields), shuffled.document_sum) == (dict(whole.fields), whole.document_sum)
    counts = {path: summary.counts for path, summary in summarize(PATHS, scored).items()}
    assert counts == {path: whole.with_rows[path] for path in counts}


@settings(max_examples=150)
@given(document, document | st.just("no json"))
def test_every_labelled_leaf_has_one_outcome(gold: dict[str, Any], predicted: Any) -> None:
    """The classes add up to the leaves, and every value of gold is correct, wrong or missing."""
    result = score(gold, predicted, Order)
    for path, leaves in result.leaves.items():
        assert result.fields[path].n >= len(leaves)
        assert path not in result.counts or result.counts[path].n == len(leaves)
    values = [v for key in ("vendor", "size") if (v := gold.get(key)) is not None]
    values += [v for row in gold.get("lines", ()) for v in row.values() if v is not None]
    total = sum(result.counts.values(), FieldCounts())
    assert total.correct + total.wrong + total.missing == len(values)


@settings(max_examples=100)
@given(st.lists(st.none() | st.sampled_from("xy"), min_size=1, max_size=8), st.fractions(Fraction(1, 20), 1))
def test_a_floor_that_null_meets_is_named(vendors: list[str | None], floor: Fraction) -> None:
    """An answer without any value that passes a floor never passes unnoticed."""
    scored = [score({"vendor": vendor}, {}, Order) for vendor in vendors]
    passes = judge_field(summarize(PATHS, scored)["vendor"], Floor(floor)) is Verdict.PASS
    assert passes == bool(trivial_floors({"vendor": Floor(floor)}, {"vendor": (vendors.count(None), len(vendors))}))


def test_averages() -> None:
    """Micro over leaves, macro over fields, mean over documents, and a weighted composite: four numbers, by hand."""
    scored = results(
        [
            ({"vendor": "x", "size": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}, {"vendor": "x", "size": 2}),
            ({"vendor": "x"}, {"vendor": "x"}),
        ]
    )
    found = Tally.of(scored)
    assert found.leaves.accuracy == 2 / 5
    assert found.macro == pytest.approx((1 + 0 + 0) / 3)
    assert found.document_mean == pytest.approx((1 / 4 + 1) / 2)
    assert found.composite({"vendor": 3, "lines[].price": 5}) == 3 / 5  # size and lines[].sku weigh 1
    assert Tally().macro is Tally().document_mean is Tally().composite({"vendor": 1}) is None
    assert found.composite(dict.fromkeys(found.fields, 0)) is None


def test_row_precision_and_recall() -> None:
    """A row counts once, however many leaves it has."""
    rows = [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}]
    found = score({"lines": rows}, {"lines": [rows[0], rows[0], {"sku": "q", "price": 9}]}, Order).fields["lines[]"]
    assert (found.correct, found.missing, found.spurious) == (1, 1, 2)
    assert (found.precision, found.recall) == (1 / 3, 1 / 2)
    lost = score({"lines": rows}, "no json", Order).fields["lines[]"]
    assert (lost.recall, lost.precision) == (0, None)


def test_groups() -> None:
    """A tally for each value of each metadata key."""
    kinds: list[dict[str, Any]] = [{"kind": "scan", "page": 1}, {"kind": "scan", "page": 2}, {"kind": "pdf", "x": [1]}]
    scored = [
        CaseResult(Status.OK, score({"vendor": "x"}, {"vendor": vendor}, Order).leaves, True, metadata=metadata)
        for vendor, metadata in zip("xyx", kinds, strict=True)
    ]
    groups = by_group(scored)
    assert {value: found.leaves.accuracy for value, found in groups["kind"].items()} == {"scan": 0.5, "pdf": 1.0}
    assert list(groups) == ["kind", "page"]
    assert list(groups["page"]) == ["1", "2"]


@pytest.mark.slow
def test_rates_in_results_json(project: pytest.Pytester, provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Averages, rows and groups of a suite, serially and on two workers, as the shipped schema says."""
    from jsonschema import validate

    from pytest_llm_extract.report.results_json import json_schema

    lines = (project.path / "gold.jsonl").read_text().splitlines()
    rows = [json.loads(text) | {"metadata": {"kind": "ab"[k % 2]}} for k, text in enumerate(lines)]
    (project.path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
    project.runpytest_subprocess("--llm-record")
    for workers in ("0", "2"):
        project.runpytest_subprocess(f"-n{workers}", "--llm-extract-json=out.json")
        found = json.loads((project.path / "out.json").read_text())
        validate(found, json_schema())
        suite = found["suites"][0]
        assert suite["rates"] == {
            "micro": {"accuracy": 7 / 8, "precision": 6 / 7, "recall": 6 / 7, "f1": 6 / 7},
            "macro_accuracy": 7 / 8,
            "document_mean_accuracy": 7 / 8,
            "composite_accuracy": None,
        }
        accuracies = {value: group["micro"]["accuracy"] for value, group in suite["groups"]["kind"].items()}
        assert accuracies == {"a": 1.0, "b": 3 / 4}


@settings(max_examples=200)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.01, 0.05]))
def test_wilson_equals_statsmodels(counts: tuple[int, int], alpha: float) -> None:
    """To 1e-9."""
    expected = proportion.proportion_confint(*counts, alpha=alpha, method="wilson")
    assert intervals.wilson(*counts, alpha=alpha) == pytest.approx(expected, abs=1e-9)


def clustered(cases: list[tuple[int, int]]) -> tuple[float, float]:
    """The interval of a share from how many of how many leaves are right in each case."""
    return sum((intervals.ClusterSums.of(right, n) for right, n in cases), intervals.ClusterSums()).interval()


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=30))
def test_clustered_interval_uses_the_cluster_robust_variance(cases: list[tuple[int, int]]) -> None:
    """The variance behind it is that of statsmodels' cluster-robust regression on a constant."""
    import numpy as np
    import statsmodels.api as sm
    from scipy import stats

    leaves = [(k, right) for k, (hits, n) in enumerate(cases) for right in [1] * hits + [0] * (n - hits)]
    share = sum(right for _, right in leaves) / len(leaves)
    fit = sm.OLS([right for _, right in leaves], np.ones(len(leaves))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array([k for k, _ in leaves])}
    )
    variance = float(fit.cov_params()[0][0])
    if all(n == 1 for _, n in cases) or variance < 1e-12:
        return
    effective = min(len(leaves), share * (1 - share) / variance)
    if effective > len(cases):
        lowered = effective * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, len(cases) - 1)) ** 2
        effective = max(len(cases), lowered)
    assert clustered(cases) == pytest.approx(intervals.wilson(share * effective, effective), abs=1e-9)


@pytest.mark.parametrize(("n_cases", "share"), [(3, 0.7), (5, 0.7), (12, 0.9)])
def test_lists_of_few_cases_have_wide_intervals(n_cases: int, share: float) -> None:
    """Ten rows a case that share half of their luck: nine intervals in ten hold the truth, at least."""
    luck, n_held = random.Random(3), 0
    for _ in range(400):
        chances = [luck.betavariate(share, 1 - share) for _ in range(n_cases)]
        cases = [(sum(luck.random() < chance for _ in range(10)), 10) for chance in chances]
        low, high = clustered(cases)
        n_held += low <= share <= high
    assert n_held >= 360


def test_outcome_names_are_those_of_the_wire() -> None:
    """Every outcome has its count."""
    assert {outcome.value for outcome in Outcome} == set(FieldCounts._fields)
