"""Cases with several samples: paired, counted and decided."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from gate_cases import READ, leaves, sampled, suite
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate

from pytest_llm_extract.cli.merge import merge
from pytest_llm_extract.errors import ResultsError
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.gate.regression import Comparison
from pytest_llm_extract.report.results_json import json_schema, run_to_wire, suite_to_wire
from pytest_llm_extract.report.terminal import Form, suite_lines
from pytest_llm_extract.results.aggregate import Flakes, Tally, count_flakes, summarize
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.rules.limits import Floor, Gate, Waiver
from pytest_llm_extract.stats.signflip import sign_flip


def compared(cases: list[CaseResult]) -> Comparison:
    """The cases against their baseline."""
    return decide(suite(cases)).comparisons[0]


ANSWER = st.sampled_from(["name:c rows:cc", "name:c rows:cw", "name:w rows:cc", "name:w rows:cmw", "name:c"])
SIDES = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.tuples(st.lists(ANSWER, min_size=k, max_size=k), st.lists(ANSWER, min_size=k, max_size=k)))
)


def built(sides: list[tuple[list[str], list[str]]]) -> list[CaseResult]:
    """Cases from what their samples were and are."""
    return [sampled(number, before, now) for number, (before, now) in enumerate(sides)]


@settings(max_examples=40)
@given(st.lists(st.tuples(ANSWER, ANSWER), min_size=1, max_size=25), st.integers(2, 5))
def test_identical_samples_decide_like_one(pairs: list[tuple[str, str]], k: int) -> None:
    """Answers that never differ are no more evidence, however often they are recorded: not in one p."""
    one = decide(suite(built([([b], [n]) for b, n in pairs])))
    many = decide(suite(built([([b] * k, [n] * k) for b, n in pairs])))
    assert (many.verdict, many.reasons, many.doubts) == (one.verdict, one.reasons, one.doubts)
    assert [
        {path: change._replace(before=None, after=None) for path, change in c.fields.items()}  # type: ignore[arg-type]
        for c in many.comparisons
    ] == [
        {path: change._replace(before=None, after=None) for path, change in c.fields.items()}  # type: ignore[arg-type]
        for c in one.comparisons
    ]
    assert [(c.pooled_p, c.pooled_p_adj) for c in many.comparisons] == [
        (c.pooled_p, c.pooled_p_adj) for c in one.comparisons
    ]
    assert {path: summary.flakes.rate for path, summary in many.fields.items()} == dict.fromkeys(many.fields, 0.0)
    assert {path: summary.flakes.rate for path, summary in one.fields.items()} == dict.fromkeys(one.fields)


@settings(max_examples=40)
@given(SIDES.filter(bool), st.randoms(use_true_random=False))
def test_order_of_arrival_and_of_samples_changes_nothing(
    sides: list[tuple[list[str], list[str]]], dice: random.Random
) -> None:
    """Workers deliver cases in any order, and which sample came first is chance."""
    whole = suite(built(sides))
    shuffled = dice.sample(whole.cases, len(whole.cases))
    assert decide(whole.with_cases({case.id: case for case in shuffled})) == decide(whole)
    turned = suite(built([(dice.sample(before, len(before)), dice.sample(now, len(now))) for before, now in sides]))
    assert decide(turned._replace(paths=whole.paths, baseline=whole.baseline)).comparisons == decide(whole).comparisons


@pytest.mark.slow
@settings(max_examples=30)
@given(SIDES.filter(bool), st.integers(1, 3))
def test_shards_merge_to_what_one_run_says(sides: list[tuple[list[str], list[str]]], n_shards: int) -> None:
    """results.json holds every sample: its parts add up to the whole, which the JSON Schema takes."""
    whole = suite(built(sides), floors={"name": Floor(Fraction(1, 2))}, documents={"exact": Fraction(1, 3)})
    texts = {}
    for number in range(n_shards):
        part = whole.with_cases({case.id: case for case in whole.cases[number::n_shards]})
        texts[f"{number}.json"] = json.dumps(run_to_wire([(part, decide(part))], Path(__file__).parent))
    (merged,) = merge(texts)
    assert merged == whole
    assert suite_to_wire(merged, decide(merged)) == suite_to_wire(whole, decide(whole))
    validate(run_to_wire([(merged, decide(merged))], Path(__file__).parent), json_schema())


def test_shards_of_another_number_of_samples_do_not_merge() -> None:
    """A shard that was run with other markers, or whose second sample differs, is named."""
    one, two, other = (suite([sampled(0, [], now)]) for now in (["x:c"], ["x:c", "x:c"], ["x:c", "x:w"]))
    texts = [json.dumps(run_to_wire([(found, decide(found))], Path(__file__).parent)) for found in (one, two, other)]
    with pytest.raises(ResultsError, match=r"b.json: is a shard of another run: .* differs in samples"):
        merge({"a.json": texts[0], "b.json": texts[1]})
    with pytest.raises(ResultsError, match=r"b.json: .*'c000' has another result"):
        merge({"a.json": texts[1], "b.json": texts[2]})


def test_value_of_a_case_is_the_mean_of_its_samples() -> None:
    """A sample is a share of its case: two of three right before, one now is a loss of a third."""
    cases = built(
        [(["x:c", "x:c", "x:w"], ["x:c", "x:w", "x:w"])] * 6
        + [(["x:c", "x:w", "x:w"], ["x:c", "x:c", "x:c"])]
        + [(["x:c"] * 3, ["x:c"] * 3)] * 5
    )
    change = compared(cases).fields["x"]
    assert (len(change.lost), change.gained) == (6, ("c006",))
    assert change.p == sign_flip([Fraction(-1, 3)] * 6 + [Fraction(2, 3)]).p
    assert (change.before.right, change.before.n, change.after.right) == (28, 36, 24)


def test_group_of_cases_adds_up_their_means() -> None:
    """Pages of one document stay one piece of evidence, also where more cases are lost than there are groups."""
    cases = [sampled(i, ["x:c", "x:c"], ["x:c", "x:w"], "scan" if i < 4 else None) for i in range(8)]
    change = compared(cases)
    assert (change.n_groups, len(change.fields["x"].lost), change.cases_to_decide) == (5, 8, 5)
    assert change.fields["x"].p == 1 / 32


@pytest.mark.parametrize(
    ("before", "now", "note"),
    [
        (["x:c"], ["x:c", "x:w", "x:w"], "samples in 12 cases: 3 here, 1 in the baseline; the first one is compared"),
        (["x:c", "x:w"], ["x:c"], "samples in 12 cases: 1 here, 2 in the baseline; the first one is compared"),
        (["x:c"] * 2, ["x:c"] * 3, "samples in 12 cases: 3 here, 2 in the baseline; the first 2 are compared"),
    ],
)
def test_first_samples_of_both_sides_are_compared(before: list[str], now: list[str], note: str) -> None:
    """What only one side has is no change, is counted in the table, and is said."""
    decision = decide(suite([sampled(i, before, now) for i in range(12)]))
    change = decision.comparisons[0]
    assert change.n_samples == min(len(before), len(now))
    assert (change.fields["x"].lost, change.fields["x"].gained) == ((), ())
    assert change.fields["x"].after.n == 12 * change.n_samples
    assert decision.fields["x"].counts.n == 12 * len(now)
    assert note in decision.notes


def test_cases_of_a_baseline_may_have_unlike_numbers_of_samples() -> None:
    """A partial acceptance leaves older cases with fewer: each is compared over what it has."""
    cases = [sampled(i, ["x:c"] if i < 5 else ["x:c"] * 3, ["x:c", "x:w", "x:w"]) for i in range(10)]
    change = compared(cases)
    assert change.fields["x"].lost == ("c005", "c006", "c007", "c008", "c009")
    assert change.fields["x"].p == sign_flip([Fraction(-2, 3)] * 5).p


def test_counts_and_floors_are_of_all_samples() -> None:
    """Micro over leaves, clustered by case; a refused sample stays in every denominator."""
    refused = Sample(Status.REFUSED, leaves("x:m"), False)
    cases = [replace(sampled(i, [], ["x:c", "x:c"]), further=(refused,)) for i in range(4)]
    found = suite(cases, floors={"x": Floor(Fraction(51, 100))}, documents={"valid": Fraction(51, 100)})
    decision = decide(found)
    assert decision.reasons == ("valid documents: 4/8 = 50% is below 51%", "x: 4/8 = 50% is below 51%")
    whole = Tally.of(cases)
    assert (whole.n_cases, whole.n_valid, whole.leaves.n) == (4, 4, 8)
    assert whole.document_mean == 0.5
    low, high = decision.fields["x"].interval
    assert low < 0.16, "four cases that never differ are no eight answers"
    assert high > 0.84
    lines = suite_lines(found, decision, {}, Form(100))
    assert "documents: 4/8 valid, 4/8 exact (4 refused): 2 samples of 4 cases" in lines
    assert "  c000 +3        refused (4 of 8 samples)" in lines


def test_flake_rate_is_of_scores_within_the_case() -> None:
    """Right in one sample and wrong in another; two wrong answers, or other rows wrong, are alike."""
    cases = built(
        [
            ([], ["x:c rows:cw", "x:c rows:wc"]),
            ([], ["x:w rows:cc", "x:m rows:cc"]),
            ([], ["x:c rows:cc", "x:w rows:cc"]),
            ([], ["x:c rows:cw", "x:c rows:ww"]),
            ([], ["x:c", "x:c rows:s"]),
        ]
    )
    fields = summarize(("x", "rows"), cases)
    assert {path: summary.flakes for path, summary in fields.items()} == {
        "x": Flakes(1, 5, Fraction(1)),
        "rows": Flakes(2, 5, Fraction(2)),
    }
    assert count_flakes(cases) == Flakes(3, 5, Fraction(3))
    found = suite(cases)
    decision = decide(found)
    note = "the samples disagree in 3 of 5 cases (rows in 2, x in 1): expect about 3 to change from one recording "
    assert f"{note}to the next from noise alone" in decision.notes
    lines = suite_lines(found, decision, {}, Form(100))
    assert any(line.startswith(" field ") and "flake" in line for line in lines)
    assert "20.0%" in next(line for line in lines if line.startswith(" x "))
    wire = suite_to_wire(found, decision)
    assert (wire["samples"], wire["flake_rate"], wire["fields"]["rows"]["flake_rate"]) == (2, 0.6, 0.4)


def test_more_samples_make_no_higher_flake_rate() -> None:
    """A case that is right half of the time differs in half of its pairs, be it two samples or thousands."""
    for n in (2, 3, 5, 50, 5_000):
        drawn = random.Random(n)
        cases = [Flakes.of_case([drawn.random() < 0.5 for _ in range(n)]) for _ in range(1 + 20_000 // n)]
        rate = sum(cases, Flakes()).rate
        assert rate == pytest.approx(0.5, abs=0.02), n
    assert Flakes.of_case(["a", "a", "b"]) == Flakes(1, 1, Fraction(2, 3))


def test_one_sample_has_no_flake_rate() -> None:
    """No column, no note, null in results.json."""
    found = suite([sampled(i, ["x:c"], ["x:c"]) for i in range(6)])
    decision = decide(found)
    assert "flake" not in "\n".join([*suite_lines(found, decision, {}, Form(100)), *decision.notes])
    wire = suite_to_wire(found, decision)
    assert wire["flake_rate"] is wire["fields"]["x"]["flake_rate"] is None
    assert "samples" not in wire["cases"][0]["baseline"]


def test_lost_cases_show_the_sample_that_says_most() -> None:
    """Right before, wrong now, and in how many samples; misses that samples share are one line."""
    cases = [sampled(i, ["x:c", "x:w", "x:c"], ["x:c", "x:w", "x:w"]) for i in range(6)]
    found = suite(cases)
    lines = suite_lines(found, decide(found), {}, Form(100))
    assert "  lost   c000           x                correct → wrong (right in 1 of 3 samples, 2 before)" in lines
    assert not any(line.endswith("wrong (2 of 3 samples)") for line in lines), "a lost case is shown once"
    new = suite(cases)._replace(baseline=None)
    assert "  c000 +5        x                wrong (12 of 18 samples)" in suite_lines(new, decide(new), {}, Form(100))


def test_budgets_and_waivers_hold_for_samples() -> None:
    """A case that fell in one sample is lost; a drop is that of the rates; a waived case is not paired."""
    cases = [sampled(i, ["x:c"] * 3, ["x:c", "x:c", "x:w" if i < 3 else "x:c"]) for i in range(12)]
    assert decide(suite(cases, budgets={"x": Gate(max_lost=3, max_drop=0.0834)})).reasons == ()
    over = decide(suite(cases, budgets={"x": Gate(critical=True, max_drop=0.08)})).reasons
    assert [reason.split(":")[1] for reason in over] == [
        " lost 3 cases (critical",
        " accuracy fell by 8.333%, 8% is allowed",
    ]
    waiver = Waiver("R-7", "2999-01-01", case="c001")
    assert decide(suite(cases, waivers=(waiver,))).comparisons[0].fields["x"].lost == ("c000", "c002")


def test_smallest_visible_drop_is_smaller_with_samples() -> None:
    """Five cases that lose one sample of five each can fail: a fifth of what whole cases would be."""
    notes = decide(suite([sampled(i, ["x:c"] * 5, ["x:c"] * 5) for i in range(40)])).notes
    assert any("fails if it loses 5 and gains none; a drop of less than 2.5% is not visible" in note for note in notes)


def test_other_models_and_attempts_are_seen_in_every_sample() -> None:
    """A model that answered one sample only, and a sample that was recorded again, are named."""
    cases = [sampled(i, ["x:c", "x:c"], ["x:c", "x:c"]) for i in range(12)]
    other = replace(cases[3].further[0], model="new", attempt=2, origin=READ._replace(answered="new"))
    cases[3] = replace(cases[3], further=(other,))
    decision = decide(suite(cases))
    assert decision.doubts == ("the answers come from several models: m (23), new (1)",)
    assert "changed since the baseline: model that answered (1 case)" in decision.notes
    assert "recorded again under an unchanged request: c003 (sample 2)" in decision.notes


def test_sample_that_crashed_is_counted_and_no_cause() -> None:
    """An error in the second sample is no change of model, and no case without an answer."""
    lost = Sample(Status.ERROR, leaves("x:m"), False)
    answered = READ._replace(answered="m-1")
    cases = []
    for i in range(12):
        case = sampled(i, ["x:c", "x:c"], ["x:c", "x:c"])
        assert case.baseline is not None
        second = case.baseline.further[0]._replace(origin=answered)
        accepted = case.baseline._replace(origin=answered, further=(second,))
        cases.append(replace(case, origin=answered, baseline=accepted, further=(lost,)))
    decision = decide(suite(cases))
    assert "no request changed since the baseline" in decision.notes
    assert not any("no case has an answer" in reason for reason in decision.reasons)
    assert len(decision.comparisons[0].fields["x"].lost) == 12
