"""What the terminal says of a suite: order, colours, cases that moved, statuses, gains."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from gate_cases import READ, case, suite

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.results_json import json_schema, run_to_wire
from pytest_llm_extract.report.terminal import Form, suite_lines
from pytest_llm_extract.report.terminal_text import (
    cases_and_field,
    columns,
    encodable,
    fit,
    painted,
    show,
    side_by_side,
)
from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.rules.limits import Floor

NARROW = Form(80, wraps=True)


def said(found: SuiteResult, form: Form = NARROW) -> list[str]:
    """The report of a suite."""
    return suite_lines(found, decide(found), {}, form)


def cut_off(number: int, before: str) -> CaseResult:
    """A case whose answer is cut off now."""
    leaf: Leaves = {"town": (Leaf(Outcome.INVALID),)}
    return replace(
        case(number, before, "town:i"), status=Status.TRUNCATED, leaves=leaf, valid=False, raw='{"town": "Be'
    )


def row(number: int, before: list[Leaf], now: list[Leaf]) -> CaseResult:
    """A case with several leaves of one field, with their values."""
    accepted = Accepted({"rows[].sku": tuple(before)}, count_leaves({"rows[].sku": tuple(before)}), READ)
    return CaseResult(
        Status.OK, {"rows[].sku": tuple(now)}, True, f"c{number:03}", model="m", origin=READ, baseline=accepted
    )


def test_lost_row_is_shown_beside_itself() -> None:
    """The value before is that of the row that was lost, in whatever order the answer has its rows."""
    right = [Leaf(Outcome.CORRECT, sku, sku) for sku in ("A-1", "B-2")]
    now = [Leaf(Outcome.CORRECT, "A-1", "A-1"), Leaf(Outcome.WRONG, "B-2", "B-9")]
    lines = said(suite([row(i, right[::-1], now) for i in range(6)]))
    assert any(line.startswith("  lost   c000") and line.endswith("  B-2 → B-9") for line in lines), lines


def test_moved_statuses_are_said_and_stand_where_there_is_no_value(tmp_path: Path) -> None:
    """Cut-off answers are the cause of a loss: their number before and now, and `truncated` in place of a value."""
    found = suite([cut_off(i, "town:c") if i < 6 else case(i, "town:c", "town:c") for i in range(12)])
    lines = said(found)
    assert "answers against the baseline: ok 12 → 6, truncated 0 → 6" in lines
    assert any(line.startswith("  lost   c000") and line.endswith("correct → truncated") for line in lines), lines
    wire = run_to_wire([(found, decide(found))], tmp_path)
    jsonschema.validate(wire, json_schema())
    assert wire["suites"][0]["pooled"]["baseline"]["statuses"] == {"ok": [12, 6], "truncated": [0, 6]}


def test_cases_of_failed_fields_come_first() -> None:
    """A field that lost cases within noise does not push the failed one out of the list."""
    cases = [case(i, "a:c b:c", f"a:{'w' if i < 2 else 'c'} b:{'w' if i >= 6 else 'c'}") for i in range(12)]
    moved = [line.split()[2] for line in said(suite(cases)) if line.startswith("  lost ")]
    assert moved[:6] == ["b"] * 6


def test_signs_are_explained_where_they_are_shown() -> None:
    """The letter of a case with a wrong field is explained after pytest's progress; LOST only where a field is."""
    wrong = suite([case(i, "town:c", "town:w" if i < 2 else "town:c") for i in range(12)])
    letters = said(wrong, NARROW._replace(has_letters=True))[-1]
    assert letters == "(~ a case that passed with a wrong field; p_adj: p corrected for all fields)"
    assert said(wrong)[-1] == "(p_adj: p corrected for all fields)"
    lost = suite([case(i, "town:c", "town:w") for i in range(12)])
    assert said(lost)[-1].endswith("LOST: p_adj is at most alpha)")
    right = suite([case(i, "town:c", "town:c") for i in range(12)])
    assert not said(right, NARROW._replace(has_letters=True))[-1].startswith("(")
    missing = suite([replace(case(i, None, "town:w"), status=Status.MISSING) for i in range(12)])._replace(
        baseline=None
    )
    assert "~" not in "".join(said(missing, NARROW._replace(has_letters=True)))


def test_partial_run_judges_no_field() -> None:
    """A run of some cases shows rates and floors, without a verdict that nobody gave."""
    cases = [case(i, None, "town:w") for i in range(3)]
    whole = suite(cases, floors={"town": Floor(accuracy=0.9)})._replace(baseline=None)
    row = " town       0/3      0.0%      0.0–56.1    90%"
    assert f"{row}  FAIL" in said(whole)
    assert row in said(whole._replace(dataset_ids=(*whole.dataset_ids, "another")))


def test_equal_misses_are_one_line(tmp_path: Path) -> None:
    """The first case stands for the others, which are counted; results.json names them all."""
    leaf: Leaves = {"town": (Leaf(Outcome.WRONG, "Bergen", "Oslo"),)}
    found = suite([replace(case(i, None, "town:w"), leaves=leaf) for i in range(5)])._replace(baseline=None)
    assert [line.split() for line in said(found) if "c00" in line] == [["c000", "+4", "town", "Bergen", "≠", "Oslo"]]
    misses = run_to_wire([(found, decide(found))], tmp_path)["suites"][0]["misses"]
    assert [miss["cases"] for miss in misses] == [[f"c{i:03}" for i in range(5)]]


def test_verbose_shows_more_and_quiet_does_not() -> None:
    """Cases beyond the limit are counted, with `-q` as without."""
    wrong = suite([case(i, None, f"f{i:02}:w") for i in range(60)])._replace(baseline=None)
    lengths = [len(said(wrong, NARROW._replace(verbose=verbose))) for verbose in (-1, 0, 1, 2)]
    assert lengths[0] == lengths[1] <= 60 < lengths[2] < lengths[3]


def test_a_gain_has_a_p_of_its_own(tmp_path: Path) -> None:
    """Six gained and none lost are told to people, and change no verdict."""
    found = suite([case(i, "town:w" if i < 6 else "town:c", "town:c") for i in range(12)])
    decision = decide(found)
    wire = json.loads(json.dumps(run_to_wire([(found, decision)], tmp_path)))["suites"][0]
    assert (wire["verdict"], wire["fields"]["town"]["baseline"]["p_gain"]) == ("pass", 1 / 64)
    assert (wire["fields"]["town"]["baseline"]["p"], wire["pooled"]["baseline"]["p_gain"]) == (1, 1 / 64)
    assert any("gained against the baseline, each field tested alone: town +6" in note for note in decision.notes)


def test_a_field_that_failed_its_comparison_has_failed(tmp_path: Path) -> None:
    """results.json says `fail` of the field, though it has no floor; the table says LOST."""
    found = suite([case(i, "town:c name:c", f"town:{'w' if i < 6 else 'c'} name:c") for i in range(12)])
    fields = run_to_wire([(found, decide(found))], tmp_path)["suites"][0]["fields"]
    assert (fields["town"]["verdict"], fields["name"]["verdict"]) == ("fail", None)
    assert [line.split()[0] for line in said(found) if line.endswith("LOST")] == ["town", "all"]


def test_a_gate_that_nothing_can_fail_says_so() -> None:
    """Wrong answers pass it: that is said under the verdict, until there is a floor or a baseline."""
    wrong = suite([case(i, None, "town:w") for i in range(6)])
    unheld = wrong._replace(baseline=None)
    assert said(unheld)[:2] == [
        "gate: pass",
        "  nothing can fail this gate: it has no floor (llm_accuracy, llm_documents) and",
    ]
    assert not any("nothing can fail" in line for line in said(wrong))
    for floor, unsaid in ((0, False), (0.5, True)):
        held = unheld._replace(rules=GateRules(floors={"town": Floor(floor)}))
        assert all("nothing can fail" not in line for line in said(held)) is unsaid


@pytest.mark.parametrize(
    ("line", "coloured"),
    [
        ("gate: fail", "gate: <red>fail"),
        ("gate: pass", "gate: <green>pass"),
        (" town  6/12  LOST", " town  6/12  <red>LOST"),
        (" town  6/12  FAIL LOST", " town  6/12  FAIL <red>LOST"),
        ("  c000  name  x ≠ PASSED", "  c000  name  x ≠ PASSED"),
        ("the gate: fail of yesterday", "the gate: fail of yesterday"),
    ],
)
def test_verdicts_have_colours(line: str, coloured: str) -> None:
    """The word that decides is in colour, and nothing else."""
    assert painted(line, lambda word, colour: f"<{colour}>{word}") == coloured


def test_signs_have_a_form_in_ascii() -> None:
    """Where the terminal lacks a sign it is spelled; text of others is escaped."""
    assert encodable("─ ≠ ∅ → … 雪", "ascii") == "- != null -> ... \\u96ea"
    assert encodable("─ ≠ ∅ → … 雪", "utf-8") == "─ ≠ ∅ → … 雪"


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["Bergen", "Oslo"], ["Bergen", "Oslo"]),
        (["November 21, 2023", "November 22, 2023"], ["…r 21, 2023", "…r 22, 2023"]),
        (["November 21, 2023", "December 21, 2023"], ["November 2…", "December 2…"]),
        (["November 21, 2023", "November 21, 2023", "November 21"], ["November 2…", "November 2…", "November 21"]),
        (["November 21, 2023", "November 21, 2023"], ["November 2…", "November 2…"]),
    ],
)
def test_values_that_differ_look_different(texts: list[str], shown: list[str]) -> None:
    """A cut that would hide the difference is made around it; equal values stay as they are."""
    assert side_by_side(texts, 11) == shown


def test_a_blank_string_can_be_seen() -> None:
    """In quotes; nothing at all is ∅."""
    assert [show(value) for value in ("", " ", "a", None, 1.5)] == ['""', '" "', "a", "∅", "1.5"]


@pytest.mark.parametrize(("width", "takes"), [(80, 31), (40, 19)])
def test_names_take_less_of_a_narrow_terminal(width: int, takes: int) -> None:
    """Values have at least half of it, and stand below one another whatever the letters of names."""
    lines = [
        cases_and_field(cases, path, width)
        for cases in (["c1"], ["請求書番号一二三四五六七八"], ["x" * 30, "c2", "c3"])
        for path in ("total", "合計金額税込み手数料込み", "lines[].description_of_the_article")
    ]
    assert {columns(line) for line in lines} == {takes}
    assert "… +2 " in cases_and_field(["x" * 30, "c2", "c3"], "total", width)


def test_flags_are_not_broken() -> None:
    """What a line says to run can be copied from it."""
    lines = fit(["next: if the loss is intended: pytest test_x.py::test_x --llm-extract-accept"], None, 70)
    assert lines == ["next: if the loss is intended: pytest test_x.py::test_x", "  --llm-extract-accept"]
