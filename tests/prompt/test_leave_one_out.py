"""Few-shot examples that are drawn from the golden data: never the case, its group, or what is nearly it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from recorded import record
from standin import StandIn

from pytest_llm_extract.dataset import Case
from pytest_llm_extract.prompt.few_shot import OtherCases
from pytest_llm_extract.rules.leave_one_out import LeaveOneOut

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("alo", "eri", "omu", "ina") for c in ("ck", "sen", "tov")]


def letter(number: int, **own: Any) -> Case:
    """A letter of its own."""
    body = " ".join(Random(number).choices(WORDS, k=40))
    return Case(f"c{number}", own.pop("input", body), {"name": body.split()[0]}, **own)


def drawn(cases: list[Case], case: Case, **rule: int) -> list[str]:
    """The ids of the examples of a case."""
    others = OtherCases(LeaveOneOut(**rule), cases, lambda one: "name" in one.expected)
    return [other.id for other in others.draw(case)]


CASES = [letter(number) for number in range(30)]


def test_others_are_drawn_and_stay_the_same() -> None:
    """Five of the others, the same in every run; another seed draws other ones."""
    found = drawn(CASES, CASES[3])
    assert len(set(found)) == 5
    assert "c3" not in found
    assert found == drawn(list(reversed(CASES)), CASES[3])
    assert set(found) != set(drawn(CASES, CASES[3], seed=1))


def test_an_added_case_changes_few_examples() -> None:
    """Of 30 cases with 5 examples each, one more case is drawn by about five, and the others keep theirs."""
    before = {case.id: drawn(CASES, case) for case in CASES}
    changed = [case.id for case in CASES if drawn([*CASES, letter(99)], case) != before[case.id]]
    assert 0 < len(changed) <= 12
    assert all("c99" in drawn([*CASES, letter(99)], case) for case in CASES if case.id in changed)


def test_near_duplicates_groups_and_partial_labels_are_not_drawn() -> None:
    """With every other case wanted, four are missing: the case, a misread copy, its group, and one without a name."""
    copy = letter(40, input=CASES[3].input.replace("a", "4", 3))
    case = letter(41, group="scan")
    cases = [*CASES, copy, case, letter(42, group="scan"), Case("c43", "A letter without a label at all", {})]
    assert "c40" not in drawn(cases, CASES[3], k=99)
    assert set(drawn(cases, case, k=99)) == {one.id for one in cases} - {"c41", "c42", "c43"}


def test_copies_are_not_drawn() -> None:
    """Of three copies and a misread one, none gets any of the others."""
    copies = [letter(50 + number, input=CASES[3].input) for number in range(2)]
    alike = [CASES[3], *copies, letter(60, input=CASES[3].input.replace("a", "4", 3))]
    ids = {case.id for case in alike}
    assert all(not ids & set(drawn([*CASES, *alike[1:]], case, k=99)) for case in alike)


SUITE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import LeaveOneOut, Variant

class Note(BaseModel):
    name: str

CASES = ROWS

@pytest.mark.llm_extract(
    schema=Note, cases=CASES, prompt="plain.md", model="m", variants=[Variant("drawn", examples=LeaveOneOut(RULE))]
)
def test_notes(extraction): ...
"""


def write(project: pytest.Pytester, rule: str) -> None:
    """A suite of six letters with a variant that draws its examples."""
    rows = [{"id": case.id, "input": case.input, "expected": case.expected} for case in CASES[:6]]
    project.path.joinpath("plain.md").write_text("Who writes?")
    project.path.joinpath("test_notes.py").write_text(SUITE.replace("ROWS", repr(rows)).replace("RULE", rule))


def test_in_a_suite(bare: pytest.Pytester) -> None:
    """Each request holds two pairs, of others; the recording replays, and the comparison keeps every case."""
    write(bare, "k=2")
    with StandIn(lambda body: json.dumps({"name": body["messages"][-1]["content"].split()[0]})) as provider:
        record(bare, provider).assert_outcomes(passed=13)
        few_shot = [body["messages"] for body in provider.requests if len(body["messages"]) > 2]
    assert [len(turns) for turns in few_shot] == [6] * 6
    assert all(turns[-1]["content"] not in [turn["content"] for turn in turns[:-1]] for turns in few_shot)
    run = bare.runpytest_subprocess("--llm-extract-json=results.json")
    run.assert_outcomes(passed=13)
    wire = json.loads((bare.path / "results.json").read_text())
    assert wire["comparison"][0]["n_cases"] == 6
    assert wire["suites"][1]["recipe"]["has_own_examples"] is True


@pytest.mark.parametrize(
    ("rule", "message"), [("k=0", "k= must be a whole number from 1, got 0"), ("seed='x'", "seed=")]
)
def test_mistakes(bare: pytest.Pytester, rule: str, message: str) -> None:
    """One line that names the variant."""
    write(bare, rule)
    run = bare.runpytest_subprocess("--collect-only")
    run.stdout.fnmatch_lines([f"*variant 'drawn': examples: LeaveOneOut: {message}*"])
