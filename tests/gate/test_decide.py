"""The verdict of a suite, on given values."""

from __future__ import annotations

import datetime
import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from gate_cases import case, grouped, leaves, suite
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.extraction.call import Call, CallFacts
from pytest_llm_extract.gate.decide import Decision, decide
from pytest_llm_extract.gate.floors import missed_floors
from pytest_llm_extract.report.results_json import read_results, run_to_wire, suite_to_wire
from pytest_llm_extract.report.terminal import Form, suite_lines
from pytest_llm_extract.results.accepted import Origin
from pytest_llm_extract.results.aggregate import FieldSummary
from pytest_llm_extract.results.case_result import CaseResult, Usage
from pytest_llm_extract.results.outcome import FieldCounts, Status, Verdict, count_leaves
from pytest_llm_extract.results.prices import cost_usd, total_usd
from pytest_llm_extract.results.recipe import Recipe
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, SuiteResult
from pytest_llm_extract.rules.limits import Floor, Gate, Waiver
from pytest_llm_extract.stats.power import cases_to_decide
from pytest_llm_extract.suites.limit_markers import read_floors


def lost(count: int, n: int) -> list[CaseResult]:
    """`count` of `n` cases lose their name."""
    return [case(i, "name:c town:c", "name:w town:c" if i < count else "name:c town:c") for i in range(n)]


@pytest.mark.parametrize(
    ("count", "verdict"),
    [(0, "pass"), (1, "pass"), (2, "pass"), (3, "inconclusive"), (4, "inconclusive"), (5, "fail"), (12, "fail")],
)
def test_five_lost_and_none_gained_fail(count: int, verdict: str) -> None:
    """With forty cases a single field can fail from five lost, as the report says."""
    decision = decide(suite(lost(count, 40)))
    assert decision.verdict == verdict
    assert any("of 40 cases, one field alone fails if it loses 5" in note for note in decision.notes)


def test_cases_of_a_group_are_one_piece_of_evidence() -> None:
    """Eight pages of one bad document are no eight bad documents."""
    alone = decide(suite(lost(8, 40)))
    together = [grouped(found, "scan-7" if i < 8 else None) for i, found in enumerate(lost(8, 40))]
    as_one = decide(suite(together))
    assert (alone.verdict, as_one.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert as_one.comparisons[0].n_groups == 33
    assert as_one.comparisons[0].fields["name"].p == 0.5


def test_few_cases_are_inconclusive() -> None:
    """Under five paired cases nothing can be told."""
    decision = decide(suite(lost(0, 4)))
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.doubts == ("4 paired cases are too few to tell a regression from noise",)
    pages = [grouped(found, f"g{i % 4}") for i, found in enumerate(lost(0, 40))]
    assert decide(suite(pages)).doubts == ("4 paired groups are too few to tell a regression from noise",)


def test_visible_drop_is_one_of_cases_where_groups_are_counted() -> None:
    """Six groups of ten pages: five that lose a page each fail, and five pages of sixty are the drop."""
    pages = [
        grouped(case(i, "name:c", "name:w" if i % 10 == 0 and i < 50 else "name:c"), f"g{i // 10}") for i in range(60)
    ]
    decision = decide(suite(pages))
    assert decision.verdict is Verdict.FAIL
    assert decision.notes[-1] == (
        "against the baseline: of 6 groups, one field alone fails if it loses 5 and gains none; "
        "a drop of less than 8.333% is not visible"
    )
    mended = [replace(found, leaves=pages[1].leaves) if i >= 30 else found for i, found in enumerate(pages)]
    assert decide(suite(mended)).doubts[0].endswith("; about 12 groups would decide, if this drop is the true one")


def test_no_visible_drop_is_named_where_a_case_has_several_leaves() -> None:
    """A row in each of five cases fails: no share of whole cases says how small such a drop is."""
    rows = [case(i, "rows:cccccccccc", "rows:cccccccccw" if i < 5 else "rows:cccccccccc") for i in range(12)]
    decision = decide(suite(rows))
    assert decision.verdict is Verdict.FAIL
    assert decision.notes[-1] == "against the baseline: of 12 cases, one field alone fails if it loses 5 and gains none"


def test_several_answering_models_are_inconclusive() -> None:
    """A provider that switched models in the middle of a recording is named, with how many answers each gave."""
    mixed = [replace(found, model="new" if i < 3 else "old") for i, found in enumerate(lost(0, 12))]
    assert decide(suite(mixed)).doubts == ("the answers come from several models: new (3), old (9)",)


def test_small_losses_of_every_field_fail_together() -> None:
    """The pooled test sees what no single field shows."""
    fields = [f"f{k}" for k in range(6)]
    cases = []
    for i in range(40):
        now = " ".join(f"{path}:{'w' if i % 20 == k else 'c'}" for k, path in enumerate(fields))
        cases.append(case(i, " ".join(f"{path}:c" for path in fields), now))
    decision = decide(suite(cases))
    assert decision.verdict is Verdict.FAIL
    assert decision.reasons[0].startswith("all fields together lost against the baseline (p_adj ")
    assert not decision.comparisons[0].failed


@pytest.mark.parametrize("count", [3, 4])
def test_pooled_test_has_its_own_number_of_cases(count: int) -> None:
    """Each loss in another field: as many cases would decide as if one field had them all."""
    fields = [f"f{k}" for k in range(8)]
    right = " ".join(f"{path}:c" for path in fields)
    cases = [case(i, right, right.replace(f"f{i}:c", f"f{i}:w") if i < count else right) for i in range(40)]
    decision = decide(suite(cases))
    enough = cases_to_decide(count, 0, 40, len(fields), 0.05)
    assert decision.doubts == (
        f"all fields together: p_adj {0.5**count:.3g}: a drop against the baseline could be noise; "
        f"about {enough} cases would decide, if this drop is the true one",
    )


def test_no_loss_is_no_doubt_at_any_alpha() -> None:
    """Four alpha may be one, which every p reaches; a doubt is about a drop."""
    unchanged, evenly = (
        decide(suite(cases, alpha=0.3)) for cases in (lost(0, 40), [*lost(1, 39), case(39, "name:w", "name:c")])
    )
    assert (unchanged.verdict, unchanged.doubts) == (Verdict.PASS, ())
    assert evenly.verdict is Verdict.PASS
    assert decide(suite(lost(1, 40), alpha=0.3)).verdict is Verdict.INCONCLUSIVE


def test_rows_count_by_their_share_within_the_case() -> None:
    """Ten rows of one document are one change of at most 1."""
    cases = [case(i, "rows:cccccccccc", "rows:ccccccccww" if i < 6 else "rows:cccccccccc") for i in range(20)]
    change = decide(suite(cases)).comparisons[0].fields["rows"]
    assert (len(change.lost), change.p) == (6, 1 / 64)
    assert (change.before.accuracy, change.after.accuracy) == (1.0, 0.94)


def test_invented_rows_are_a_loss_where_there_was_nothing() -> None:
    """Leaves that only one side has: nothing was wrong on the other."""
    cases = [case(i, "name:c", "name:c rows:s") for i in range(12)]
    assert len(decide(suite(cases)).comparisons[0].fields["rows"].lost) == 12


def test_waived_field_is_no_part_of_the_family() -> None:
    """It is shown, has no adjusted p, and does not pull the pooled test down."""
    waiver = Waiver("R-7", "2999-01-01", field="name")
    decision = decide(suite(lost(12, 40), waivers=(waiver,)))
    assert decision.verdict is Verdict.PASS
    assert decision.comparisons[0].fields["name"].p_adj is None
    assert decision.comparisons[0].pooled_p == 1.0


def test_waived_case_is_not_paired() -> None:
    """Four of five lost cases are left; its leaves still count in floors."""
    waiver = Waiver("R-7", "2999-01-01", case="c000")
    decision = decide(suite(lost(5, 40), waivers=(waiver,), floors={"name": Floor(Fraction(35, 40))}))
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.fields["name"].counts.right == 35


def test_expired_waiver_fails_on_the_day_after() -> None:
    """Its last day is part of it."""
    waiver = Waiver("R-7", "2027-01-31", field="name")
    verdicts = [
        decide(suite(lost(0, 12), waivers=(waiver,), today=datetime.date(2027, 1, 31) + datetime.timedelta(days)))
        for days in (0, 1)
    ]
    assert [decision.verdict for decision in verdicts] == [Verdict.PASS, Verdict.FAIL]


@pytest.mark.parametrize(
    ("floor", "reason"),
    [
        (Floor(accuracy=0.8), "x: 7/10 = 70% is below 80%"),
        (Floor(0.7), None),
        (Floor(precision=0.72), "x: precision 71.43% is below 72%"),
        (Floor(precision=Fraction(5, 7), recall=Fraction(5, 7)), None),
        (Floor(recall=0.72), "x: recall 71.43% is below 72%"),
        (Floor(hallucination_rate=0.3), "x: hallucination rate 33.33% is above 30%"),
        (Floor(hallucination_rate=0.34), None),
    ],
)
def test_floor_of_any_rate(floor: Floor, reason: str | None) -> None:
    """Five right, one wrong, one missing, one invented, two rightly absent: 70 % right; limits are met exactly."""
    cases = [case(i, None, f"x:{letter}") for i, letter in enumerate("cccccwmsaa")]
    decision = decide(suite(cases, floors={"x": floor}))
    assert decision.reasons == (() if reason is None else (reason,))


def test_rate_that_does_not_exist_reaches_no_floor() -> None:
    """Without any null in gold nothing can be said about hallucinations, and nothing passes by default."""
    cases = [case(i, None, "x:c") for i in range(6)]
    reasons = decide(suite(cases, floors={"x": Floor(hallucination_rate=0.1)})).reasons
    assert reasons == ("x: hallucination rate: no value is null in gold, so it cannot reach 10%",)


def test_default_floor_leaves_out_the_rate_that_a_list_does_not_have() -> None:
    """Its other rates hold for fields in lists; where nothing else is given, for none of them."""

    def read(floor: Floor, paths: tuple[str, ...], **named: float) -> dict[str, Floor]:
        return read_floors(((floor,), named), "t", paths, paths)

    paths, tenth = ("vendor", "rows[].price", "tax{}"), Fraction(1, 10)
    only = Floor(hallucination_rate=0.1)
    assert read(only, paths) == {"vendor": Floor(hallucination_rate=tenth)}
    both, recall = Floor(recall=tenth, hallucination_rate=tenth), Floor(recall=tenth)
    assert read(Floor(recall=0.1, hallucination_rate=0.1), paths) == {
        "vendor": both,
        paths[1]: recall,
        paths[2]: recall,
    }
    with pytest.raises(UsageError, match="the default floor: there is no hallucination_rate through a list; use prec"):
        read(only, paths[1:], **{"tax{}": 0.5})


def test_document_floors() -> None:
    """Shares of whole documents, exact and valid."""
    cases = [replace(found, valid=i > 0) for i, found in enumerate(lost(3, 10))]
    held = suite(cases, documents={"exact": Fraction(8, 10), "valid": Fraction(9, 10)})
    assert decide(held).reasons == ("exact documents: 7/10 = 70% is below 80%",)


def test_budgets_are_exact() -> None:
    """A drop of exactly what is allowed is allowed, however floats would round it."""
    cases = lost(3, 30)
    assert decide(suite(cases, budgets={"name": Gate(max_drop=0.1)})).reasons == ()
    reasons = decide(suite(cases, budgets={"name": Gate(max_drop=0.0999), "town": Gate(critical=True)})).reasons
    assert reasons == ("name: accuracy fell by 10%, 9.99% is allowed",)


CASES = st.lists(
    st.tuples(st.sampled_from(["cc", "cw", "wc", "cm"]), st.sampled_from(["cc", "cw", "wc", "ww", "ca"])),
    min_size=5,
    max_size=30,
)


def built(pairs: list[tuple[str, str]]) -> SuiteResult:
    """A suite of cases with two fields, of which `rows` has two leaves."""
    return suite([case(i, f"name:{b[0]} rows:{b}", f"name:{n[0]} rows:{n}") for i, (b, n) in enumerate(pairs)])


@settings(max_examples=60)
@given(CASES, st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(pairs: list[tuple[str, str]], dice: random.Random) -> None:
    """Workers and shards deliver in any order: the decision is the same to the last digit."""
    whole = built(pairs)
    shuffled = list(whole.cases)
    dice.shuffle(shuffled)
    again = whole.with_cases({found.id: found for found in shuffled})
    assert decide(again) == decide(whole)
    assert decide(whole._replace(cases=tuple(shuffled))).comparisons == decide(whole).comparisons


@settings(max_examples=40)
@given(CASES)
def test_results_json_holds_all_that_the_gate_needs(pairs: list[tuple[str, str]]) -> None:
    """What is read back from results.json is decided in the same way."""
    whole = suite_with_rules(built(pairs))
    decision: Decision = decide(whole)
    text = json.dumps(run_to_wire([(whole, decision)], Path(__file__).parent))
    (again,) = read_results(text, "results.json")
    assert again == whole
    assert suite_to_wire(again, decide(again)) == suite_to_wire(whole, decision)


def suite_with_rules(found: SuiteResult) -> SuiteResult:
    """The suite with one of everything that it can be held to."""
    rules = GateRules(
        {"name": Floor(Fraction(1, 3), recall=Fraction(1, 10), hallucination_rate=Fraction(9, 10))},
        {"exact": Fraction(1, 7)},
        {"rows": Gate(max_lost=4, max_drop=0.25)},
        (Waiver("R-7", "2999-01-01", case="c001"),),
        alpha=0.1,
        inconclusive_fails=True,
        today=datetime.date(2027, 1, 1),
    )
    gone = {"c999": count_leaves(leaves("name:c rows:cw"))}
    run = AcceptedRun(
        "git:main (0123456789)", ("name", "rows"), gone, frozenset({"c999"}), frozenset({"old"}), frozenset({"rows"})
    )
    return found._replace(rules=rules, baseline=run, warnings=("name: easy",), model="m")


@pytest.mark.parametrize(
    ("model", "tokens", "known"),
    [("gpt-4o-mini", 1000, True), ("my-own-model", 1000, False), ("gpt-4o-mini", 0, False)],
)
def test_cost_is_unknown_rather_than_wrong(model: str, tokens: int, known: bool) -> None:
    """A price for what the price list has; nothing for another model, or without usage."""
    cost = cost_usd(model, Usage(tokens, 100))
    assert (cost is not None and 0 < cost < 0.01) is known
    assert total_usd([cost, None]) is None


def test_causes_are_named_together_and_apart() -> None:
    """What changed in the requests, once; two causes at once cannot be told apart."""
    cases = lost(0, 12)
    assert "no request changed since the baseline" in decide(suite(cases)).notes
    both = [replace(found, origin=Origin(prompt="b2", model="n")) for found in cases]
    line = "changed since the baseline: prompt (12 cases), model asked for (12 cases); their effects are not separable"
    assert line in decide(suite(both)).notes


def test_nothing_is_said_of_requests_that_nobody_knows() -> None:
    """Scored files have no requests: the report does not claim that they are unchanged."""
    cases = [
        replace(found, origin=Origin(), baseline=found.baseline._replace(origin=Origin()) if found.baseline else None)
        for found in lost(0, 12)
    ]
    assert not any("request" in note for note in decide(suite(cases)).notes)


def test_floors_below_a_list_do_not_hide_that_every_answer_is_lost() -> None:
    """Without a row there is no leaf that a floor could judge."""
    read = [case(i, None, "sku:c discount:c") for i in range(4)]
    limits = {"discount": Floor(accuracy=Fraction(1))}
    lost = [replace(found, leaves=leaves("sku:m"), status=Status.INVALID, valid=False) for found in read]
    unheld = suite(lost)._replace(baseline=None)
    assert decide(unheld).verdict is Verdict.PASS
    held = unheld._replace(rules=GateRules(floors=limits))
    nothing = "discount: no value was predicted, so it cannot reach 100%"
    assert decide(held).reasons == ("no case has an answer", nothing)
    assert decide(held._replace(cases=(*lost[:3], read[3]))).verdict is Verdict.PASS


@pytest.mark.parametrize("width", [20, 40, 45, 60, 80])
def test_fields_keep_their_names_in_narrow_terminals(width: int) -> None:
    """Fields that begin alike are told apart at any width: names that are too long are cut in the middle."""
    begin = "a_long_object_name.another_object_within_it.and_the_last_one_is."
    paths = [f"{begin}street", f"{begin}city"]
    right, wrong = (" ".join(f"{path}:{letter}" for path in paths) for letter in "cw")
    found = suite([case(i, right, wrong if i < 6 else right) for i in range(12)])
    lines = suite_lines(found, decide(found), {}, Form(width, wraps=True))
    head = next(i for i, line in enumerate(lines) if line.split()[:1] == ["field"])
    street, city = (line.split()[0] for line in lines[head + 1 : head + 3])
    assert street.endswith("street")
    assert city.endswith("city")
    if width >= 40:
        assert max(map(len, lines)) <= width


def test_suite_of_many_fields_and_cases_takes_sixty_lines() -> None:
    """What matters comes first: the verdict, then failed fields in the table; the rest is counted. `-vv` shows all."""
    letters = {False: "c", True: "w"}
    cases = [
        case(i, " ".join(f"f{n:02}:c" for n in range(40)), " ".join(f"f{n:02}:{letters[n > 5]}" for n in range(40)))
        for i in range(120)
    ]
    found = suite(cases, floors={f"f{n:02}": Floor(Fraction(9, 10)) for n in range(40)})
    decision = decide(found)
    lines = suite_lines(found, decision, {}, Form(80, wraps=True))
    assert lines[0] == "gate: fail"
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if line.startswith(" f") and "%" in line]
    assert all(row.endswith("FAIL LOST") for row in rows)
    assert len(suite_lines(found, decision, {}, Form(80, verbose=2))) > 4_000


def called(by_model: dict[str | None, Usage]) -> Call:
    """A call whose answers took these tokens."""
    return Call(facts=CallFacts(AnswerSummary(by_model=by_model)))


def test_every_model_that_answered_has_its_price() -> None:
    """A fallback to a cheap model makes the dear one no cheaper; an unknown one makes the sum unknown."""
    dear, cheap = cost_usd("gpt-4", Usage(10_000, 10)), cost_usd("gpt-4o-mini", Usage(1_000, 10))
    assert dear is not None
    assert cheap is not None
    call = called({"gpt-4": Usage(10_000, 10), "gpt-4o-mini": Usage(1_000, 10)})
    assert call.cost_usd == dear + cheap > 100 * cheap
    assert called({"gpt-4": Usage(10_000, 10), "unheard-of": Usage(1, 1)}).cost_usd is None


def test_a_floor_of_which_no_answer_has_a_value_is_missed() -> None:
    """A field that is labelled, and that no answer left an outcome in, is judged and not passed over."""
    cases = [case(i, None, "x:c") for i in range(3)]
    decision = decide(suite(cases, floors={"x": Floor(1.0), "rows[].sku": Floor(0.5)}))
    assert decision.reasons == ("rows[].sku: no value was predicted, so it cannot reach 50%",)


def test_shares_that_differ_are_not_written_alike() -> None:
    """One wrong of 20,000 is not 100 %: a reason has the digits that tell its two shares apart."""
    floors = {"x": Floor(1.0)}
    fields = {"x": FieldSummary(FieldCounts(correct=19_999, wrong=1), (0.0, 1.0))}
    assert missed_floors(fields, floors) == [("x", "x: 19999/20000 = 99.995% is below 100%")]


def test_one_seed_for_all_cases_is_noted() -> None:
    """At a temperature above 0, which is where it matters."""

    def notes(**parameters: float) -> str:
        recipe = Recipe("Read.", parameters=parameters)
        return "\n".join(decide(suite([case(0, "name:c", "name:c")])._replace(recipe=recipe)).notes)

    assert "one seed (42) for all cases" in notes(seed=42, temperature=0.7)
    assert "one seed (42) for all cases" in notes(seed=42)
    assert "seed" not in notes(seed=42, temperature=0) + notes(temperature=1)


def test_one_seed_of_an_extractor_is_noted() -> None:
    """All cases that were recorded have the same one; not where some has another, or none."""

    def notes(*seeds: int | None) -> str:
        cases = tuple(replace(case(number, "name:c", "name:c"), seed=seed) for number, seed in enumerate(seeds))
        return "\n".join(decide(suite(list(cases))).notes)

    assert "one seed (0) for all cases" in notes(0, 0, 0)
    assert "or take it from the document" in notes(7, 7)
    assert "seed" not in notes(7, 8, 7) + notes(7, None) + notes(None, None)


def test_suite_that_fails_is_not_said_to_be_unable_to() -> None:
    """Without floor and baseline, one that passes is."""
    passed = suite([case(0, None, "name:c")])._replace(baseline=None)
    lost = passed._replace(cases=tuple(replace(one, status=Status.ERROR, valid=False) for one in passed.cases))
    assert any("nothing can fail this gate" in note for note in decide(passed).notes)
    assert decide(lost).reasons
    assert not any("nothing can fail this gate" in note for note in decide(lost).notes)
