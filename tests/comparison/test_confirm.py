"""Held-out cases: no part in choosing, one test at the end, and a warning from the second use."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from pytest_llm_extract.cli.main import main
from pytest_llm_extract.comparison.compare import compare_variants
from pytest_llm_extract.formats.wire import fields_to_wire
from pytest_llm_extract.gate.decide import summarize_only
from pytest_llm_extract.report.results_json import run_to_wire
from pytest_llm_extract.results.recipe import ExampleDocument, Recipe
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer


class Item(BaseModel):
    """One field."""

    name: str


def variant(name: str, n_right: int, n_right_held: int) -> SuiteResult:
    """Twenty cases to choose by and ten held out; the first ones of both are right."""
    schema, cases = Schema.of(Item, "test"), []
    for i in range(30):
        is_right = i < n_right if i < 20 else i - 20 < n_right_held
        answer = read_answer(schema, json.dumps({"name": f"bolt{i}" if is_right else "?"}))
        case = score_answer(schema, schema.read_gold({"name": f"bolt{i}"}), answer, case_id=f"c{i}")
        cases.append(dataclasses.replace(case, metadata={"split": "holdout"} if i >= 20 else {}))
    head = SuiteResult("t.py::t", name, tuple(case.id for case in cases), schema.paths, GateRules())
    return head._replace(cases=tuple(cases), is_primary=name == "plain", is_gated=name == "plain")


def test_held_out_cases_have_no_part_in_choosing() -> None:
    """What happens there changes neither the set of best nor a score."""
    comparisons = [compare_variants([variant("plain", 8, 5), variant("new", 16, held)], alpha=0.05) for held in (0, 10)]
    assert [found.n_cases for found in comparisons] == [20, 20]
    assert comparisons[0].best == comparisons[1].best == ("new",)
    assert list(comparisons[0].left_out_cases) == ["held out for one test at the end: llm-extract compare --confirm"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three variants, of which one is better on held-out cases too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cassettes").mkdir()
    suites = [variant("plain", 8, 2), variant("better", 16, 9), variant("lucky", 16, 3)]
    wire = run_to_wire([(suite, summarize_only(suite)) for suite in suites], tmp_path)
    (tmp_path / "results.json").write_text(json.dumps(wire))
    return tmp_path


def confirm(*arguments: str) -> tuple[int, str]:
    """`llm-extract compare results.json --confirm …`."""
    run = CliRunner().invoke(main, ["compare", "results.json", "--confirm", *arguments])
    return run.exit_code, run.output


def test_one_test_at_the_end(results: Path) -> None:
    """Confirmed or not, one sign-flip test over all fields; each use is kept, the same one once."""
    status, said = confirm("better")
    assert (status, said) == (0, "confirmed: better beats plain on 10 cases held out: +7 cases, −0, p 0.00781\n")
    assert confirm("better") == (status, said)
    status, said = confirm("lucky")
    assert status == 1
    assert said.startswith("not confirmed: lucky and plain cannot be told apart with 10 cases held out: +1 case, −0")
    assert "warning: these cases were used once before (better on " in said
    uses = [json.loads(line) for line in (results / "cassettes/holdout.jsonl").read_text().splitlines()]
    assert [(use["variant"], use["gained"], use["lost"]) for use in uses] == [("better", 7, 0), ("lucky", 1, 0)]


def test_one_field_is_one_question(results: Path) -> None:
    """The test is about the named field, and its use is another one than that of all fields."""
    assert confirm("better", "--field", "name")[1].startswith("confirmed: better beats plain on name, with 10 cases")
    assert "used once before" in confirm("better")[1]
    run = CliRunner().invoke(main, ["compare", "results.json", "--field", "name"])
    assert (run.exit_code, "goes with --confirm" in run.output) == (2, True)


def test_held_out_examples_confirm_nothing(results: Path) -> None:
    """A held-out case that the variant has among its examples has no part in the test."""
    wire = json.loads((results / "results.json").read_text())
    for suite in wire["suites"]:
        for case in suite["cases"]:
            case["input"] = f"An item of its own, {case['id']}, with the number {int(case['id'][1:]) * 977}"
    shown = wire["suites"][0]["cases"][20]["input"]
    wire["suites"][1]["recipe"] = fields_to_wire(Recipe("Read.", (ExampleDocument("e1", shown),)))
    (results / "results.json").write_text(json.dumps(wire))
    assert "on 9 cases held out" in confirm("better")[1]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["bettre"], "no entry 'bettre'. Did you mean 'better'?"),
        (["plain"], "'plain' is what the others are held against"),
        (["better", "--field", "nmae"], "--field: no field 'nmae'. Did you mean 'name'?"),
    ],
)
def test_mistakes_use_nothing(results: Path, arguments: list[str], problem: str) -> None:
    """One line, exit status 2, and no use is written down."""
    status, said = confirm(*arguments)
    assert (status, problem in said) == (2, True)
    assert not (results / "cassettes/holdout.jsonl").exists()
