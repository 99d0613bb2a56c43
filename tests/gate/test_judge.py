"""What changed about the judge is said, and what the judge before would have said stands beside it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from gate_cases import case, leaves, suite

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.judge import JudgeNote, ScoringRules
from pytest_llm_extract.results.outcome import Verdict, count_leaves
from pytest_llm_extract.results.suite_result import GateRules, JudgedBy, SuiteResult
from pytest_llm_extract.rules.limits import Floor, Gate, Waiver

THEN = JudgedBy(GateRules({"name": Floor(0.9)}, budgets={"name": Gate(max_lost=1)}), ScoringRules(), 1)
WAIVER = Waiver("known", "2099-01-01", field="name")


def judged_by(then: JudgedBy, now: JudgedBy, cases: list[CaseResult] | None = None) -> SuiteResult:
    """A suite whose baseline was judged by `then`, and that is judged by `now`."""
    found = suite(cases or [case(i, "name:c", "name:c") for i in range(10)])
    assert found.baseline is not None
    baseline = replace(found.baseline, judged_by=then)
    return found._replace(rules=now.limits, scoring=now.scoring, n_samples=now.n_samples, baseline=baseline)


def said(found: SuiteResult) -> list[str]:
    """The notes on the judge."""
    return [note for note in decide(found).notes if note.startswith("the judge")]


@pytest.mark.parametrize(
    ("limits", "scoring", "note"),
    [
        ({"floors": {"name": Floor(0.5)}}, {}, "floor of name: 90% → 50%"),
        ({"floors": {}}, {}, "floor of name: 90% → none"),
        ({"floors": {"name": Floor(0.9, recall=0.5)}}, {}, "floor of name: 90% → 90%, recall 50%"),
        ({"documents": {"exact": Fraction(1, 2)}}, {}, "least share of exact documents: none → 50%"),
        ({"budgets": {"name": Gate(max_lost=9)}}, {}, "budget of name: max_lost=1 → max_lost=9"),
        ({"waivers": (WAIVER,)}, {}, "a waiver was added: field name until 2099-01-01 (known)"),
        ({"alpha": 0.001}, {}, "alpha: 0.05 → 0.001"),
        ({"inconclusive_fails": True}, {}, "inconclusive fails: false → true"),
        ({}, {"strict": True}, "strict: false → true"),
        ({}, {"ignore": ("seed",)}, 'ignore: [] → ["seed"]'),
        ({}, {"markers": ("skip()",)}, 'markers: [] → ["skip()"]'),
        ({}, {"compare": {"name": "Text(min_ratio=0.01)"}}, "rule of name: none → Text(min_ratio=0.01)"),
        ({}, {"code": {"app.same": "1f"}}, "code of app.same: none → 1f"),
    ],
)
def test_every_change_of_a_rule_is_a_note(limits: dict[str, object], scoring: dict[str, object], note: str) -> None:
    """With what was and what is; the same judge has no note."""
    now = JudgedBy(replace(THEN.limits, **limits), replace(THEN.scoring, **scoring), 1)  # type: ignore[arg-type]
    assert said(judged_by(THEN, THEN)) == []
    assert said(judged_by(THEN, now)) == [f"the judge changed: {note}"]
    other = now if now.limits.waivers == () else None
    assert other is None or said(judged_by(now, now)) == []


def test_one_change_of_many_fields_is_one_note() -> None:
    """A default floor that fell names its fields once."""
    floors = {f"f{i}": Floor(0.9) for i in range(9)}
    then = JudgedBy(GateRules(floors), ScoringRules(), 1)
    now = JudgedBy(GateRules(dict.fromkeys(floors, Floor(0.1))), ScoringRules(), 1)
    assert said(judged_by(then, now)) == ["the judge changed: floor of f0, f1, f2, f3, f4, …: 90% → 10%"]


def test_a_lowered_floor_stands_beside_the_verdict_that_it_hides() -> None:
    """The gate passes as written, and says that the judge of the baseline fails it."""
    cases = [case(i, "name:w" if i < 3 else "name:c", "name:w" if i < 3 else "name:c") for i in range(10)]
    now = JudgedBy(replace(THEN.limits, floors={"name": Floor(0.5)}), THEN.scoring, 1)
    decision = decide(judged_by(THEN, now, cases))
    assert decision.verdict is Verdict.PASS
    assert decision.judged_before is not None
    assert decision.judged_before.verdict is Verdict.FAIL
    assert "verdict without these changes: fail: name: 7/10 = 70% is below 90%" in decision.notes


def test_the_same_reasons_are_said_once() -> None:
    """A judge that changed in another field changes nothing about a loss: its reasons are not repeated."""
    cases = [case(i, "name:c town:c", "name:w town:c") for i in range(10)]
    now = JudgedBy(replace(THEN.limits, floors={**THEN.limits.floors, "town": Floor(0.5)}), THEN.scoring, 1)
    decision = decide(judged_by(THEN, now, cases))
    assert "verdict without these changes: fail, for the same reasons" in decision.notes


def test_gold_that_was_made_to_fit_stands_beside_the_old_gold() -> None:
    """Six answers became wrong and their gold with them: under the gold of the baseline they are lost."""
    cases = []
    for number in range(12):
        found = case(number, "name:c", "name:c")
        assert found.baseline is not None
        if number < 6:
            right, wrong = count_leaves(leaves("name:c")), count_leaves(leaves("name:w"))
            old = found.baseline._replace(
                leaves=leaves("name:w"), old_gold=right, origin=found.origin._replace(gold="1")
            )
            found = replace(found, old_gold=wrong, baseline=old, origin=found.origin._replace(gold="2"))
        cases.append(found)
    decision = decide(suite(cases))
    assert decision.verdict is Verdict.PASS
    assert [note.cases for note in decision.judge] == [tuple(f"c{i:03}" for i in range(6))]
    assert decision.judged_before is not None
    assert decision.judged_before.verdict is Verdict.FAIL
    assert "name: lost 6 cases" in decision.judged_before.reasons[0]


def test_a_group_does_not_hide_what_was_lost() -> None:
    """Pairs are grouped as the baseline groups them, and the new groups are named."""
    cases = [replace(case(i, "name:c", "name:w" if i < 8 else "name:c"), group="one") for i in range(40)]
    decision = decide(suite(cases))
    assert decision.verdict is Verdict.FAIL
    assert decision.judge[0].kind == "group"
    assert "pairs are grouped as in the baseline" in decision.judge[0].what


def test_new_cases_that_repeat_a_document_are_named() -> None:
    """Copies of easy cases raise the accuracy that floors see."""
    cases = [replace(case(i, "name:c", "name:c"), input=f"document {i}") for i in range(6)]
    cases += [replace(case(i, None, "name:c"), input="document 0") for i in range(6, 9)]
    cases += [replace(case(9, None, "name:c"), input="document 9")]
    notes = [note for note in decide(suite(cases)).judge if note.kind == "case"]
    assert [note.cases for note in notes] == [("c006", "c007", "c008")]


def test_a_baseline_that_was_edited_or_keeps_no_rules_says_so() -> None:
    """The one is a change, the other a weakness."""
    found = suite([case(i, "name:c", "name:c") for i in range(6)])
    assert found.baseline is not None
    edited = decide(found._replace(baseline=replace(found.baseline, is_edited=True)))
    assert [note.kind for note in edited.judge if note.is_change] == ["baseline"]
    old = decide(found._replace(baseline=replace(found.baseline, judged_by=None)))
    assert [(note.kind, note.is_change) for note in old.judge] == [("baseline", False)]
    assert old.judged_before is None


def test_the_judge_goes_through_results_json_unchanged() -> None:
    """A merge of shards says what the run said."""
    now = JudgedBy(replace(THEN.limits, waivers=(WAIVER,)), ScoringRules({"name": "Text()"}, {"f": "1"}), 2)
    found = judged_by(THEN, now)._replace(judge_notes=(JudgeNote("cassette", "x", ("c001",)),))
    again = SuiteResult.from_wire({**found.head_to_wire(), "cases": [c.to_wire() for c in found.cases]})
    assert decide(again) == decide(found)
    assert len(decide(again).judge) == 5
