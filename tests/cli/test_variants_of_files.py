"""`merge` and `diff` on results.json files that hold variants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

from pytest_llm_extract.cli.main import main
from pytest_llm_extract.comparison.compare import compare_suites
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.results_json import run_to_wire
from pytest_llm_extract.results.recipe import Recipe
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer

N = 20


class Item(BaseModel):
    name: str


SCHEMA = Schema.of(Item, "test")


def variant(name: str, n_right: int, recipe: Recipe, *, primary: bool = False) -> SuiteResult:
    """A variant that gets the first cases right."""
    cases = []
    for number in range(N):
        gold = {"name": f"bolt {number}"}
        answer = read_answer(SCHEMA, json.dumps(gold if number < n_right else {"name": "?"}))
        document = f"Of bolt {number} there is {number * 7919} left"
        cases.append(score_answer(SCHEMA, SCHEMA.read_gold(gold), answer, case_id=f"c{number}", input=document))
    head = SuiteResult("t.py::t", name, tuple(case.id for case in cases), SCHEMA.paths, GateRules())
    return head._replace(cases=tuple(cases), recipe=recipe, is_primary=primary, is_gated=primary)


def suites(**parameters: object) -> list[SuiteResult]:
    """A primary, a variant that is as good and one that is worse."""
    return [
        variant("plain", 18, Recipe("Read the item.\nAnswer in JSON."), primary=True),
        variant("terse", 17, Recipe("Read it.\nAnswer in JSON.", parameters=parameters)),
        variant("small", 4, Recipe("Read the item.\nAnswer in JSON.")),
    ]


def write(path: Path, found: list[SuiteResult]) -> str:
    """A results.json of these suites."""
    judged = [(suite, decide(suite)) for suite in found]
    path.write_text(json.dumps(run_to_wire(judged, Path(), compare_suites(found))))
    return str(path)


def run(*arguments: str) -> Result:
    """Run a subcommand."""
    return CliRunner().invoke(main, list(arguments))


def test_shards_with_variants_are_one_comparison(tmp_path: Path) -> None:
    """Each variant is added up by itself; the comparison is that of one run, and no variant is gated."""
    whole = suites()
    for number in (0, 1):
        part = [suite._replace(cases=suite.cases[number::2]) for suite in whole]
        write(tmp_path / f"shard-{number}.json", part)
    shards = [str(tmp_path / f"shard-{number}.json") for number in (0, 1)]
    merged = run("merge", *shards, "-o", str(tmp_path / "results.json"))
    assert merged.exit_code == 0, merged.output
    assert "plain and terse are in the set of best (95%); the others are not" in merged.output
    wire = json.loads((tmp_path / "results.json").read_text())
    assert [(suite["variant"], suite["n_cases"], suite["verdict"]) for suite in wire["suites"]] == [
        ("plain", 20, "pass"),
        ("terse", 20, None),
        ("small", 20, None),
    ]
    alone = json.loads(Path(write(tmp_path / "whole.json", whole)).read_text())
    assert wire["comparison"] == alone["comparison"]
    assert wire["lint"][0]["n_documents"] == N


def test_diff_of_two_variants(tmp_path: Path) -> None:
    """What one variant of a run lost against another, and how their prompts differ."""
    path = write(tmp_path / "results.json", suites(temperature=0.5))
    found = run("diff", path, "--variants", "primary", "small")
    assert found.exit_code == 1
    assert "t.py::t (plain → small)" in found.output
    assert "name: lost 14 cases and gained 0" in found.output
    assert "prompt:" not in found.output
    other_words = run("diff", path, "--variants", "plain", "terse")
    assert other_words.exit_code == 0
    assert "prompt:\n  -Read the item.\n  +Read it.\nparameters: none → temperature 0.5\n" in other_words.output
    assert "examples:" not in other_words.output


def test_diff_without_variants_holds_each_against_itself(tmp_path: Path) -> None:
    """The last variant of a file does not stand for its suite."""
    path = write(tmp_path / "results.json", suites())
    found = run("diff", path, path)
    assert found.exit_code == 0
    assert [line for line in found.output.splitlines() if line.startswith("t.py::t")] == [
        "t.py::t (plain)",
        "t.py::t[terse] (terse)",
        "t.py::t[small] (small)",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "diff: needs AFTER"), (["--variants", "plain", "ters"], "has no variant 'ters'. Did you mean 'terse'?")],
)
def test_mistakes(tmp_path: Path, arguments: list[str], message: str) -> None:
    """One line that says what is wrong."""
    found = run("diff", write(tmp_path / "results.json", suites()), *arguments)
    assert found.exit_code == 2
    assert message in found.output


@pytest.mark.parametrize(
    ("parameters", "warns"),
    [({"seed": 7, "temperature": 0.7}, True), ({"seed": 7}, True), ({"seed": 7, "temperature": 0}, False), ({}, False)],
)
def test_one_seed_for_all_cases(parameters: dict[str, object], warns: bool) -> None:
    """Its noise is shared by the cases, which the comparison warns of; at temperature 0 nothing is drawn."""
    [found] = compare_suites(suites(**parameters))
    assert any("one seed for all cases (terse)" in note for note in found.notes) is warns
