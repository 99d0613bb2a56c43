"""The published outcome counts of real answers to real filings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fara import FARA, PROMPTS, SUITE, Filing
from recorded import record
from standin import StandIn

from pytest_llm_extract import DateText
from pytest_llm_extract.results.outcome import FieldCounts
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer

pytestmark = pytest.mark.skipif(not FARA.is_dir(), reason="the FARA data is not beside this checkout")


def count(prompt: str, compare: dict[str, Any] | None = None) -> dict[str, FieldCounts]:
    """Counts of every field over 120 filings."""
    schema = Schema.of(Filing, "test", compare)
    cases = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    lines = map(json.loads, (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8"))
    outputs = {row["id"]: row["output"] for row in lines}
    totals = {path: FieldCounts() for path in schema.paths}
    for case in cases:
        answer = read_answer(schema, json.dumps(outputs[case["id"]]))
        for path, counts in score_answer(schema, schema.read_gold(case["expected"]), answer).counts.items():
            totals[path] += counts
    return totals


@pytest.mark.parametrize("prompt", PROMPTS)
def test_published_counts_come_out(prompt: str) -> None:
    """Every outcome count of six fields, over 120 filings."""
    facts = json.loads((FARA / "facts.json").read_text(encoding="utf-8"))["fields"][prompt]
    for path, counts in count(prompt).items():
        for outcome in ("correct", "wrong", "missing", "spurious", "absent_ok", "invalid"):
            assert getattr(counts, outcome) == facts[path][outcome], (path, outcome)


@pytest.mark.parametrize(("prompt", "right"), [("zero_shot", (54, 82)), ("five_shot", (2, 82))])
def test_dates_in_another_notation(prompt: str, right: tuple[int, int]) -> None:
    """With DateText on file_date the two prompts score the same; without it one seems to have lost everything."""
    compares: list[dict[str, Any] | None] = [None, {"file_date": DateText()}]
    assert tuple(count(prompt, compare)["file_date"].right for compare in compares) == right


@pytest.mark.slow
@pytest.mark.parametrize("prompt", PROMPTS)
def test_published_counts_come_out_of_the_plugin(bare: pytest.Pytester, prompt: str) -> None:
    """Recorded from a provider that serves the real answers, then replayed without it, serially and on two workers."""
    rows = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    lines = map(json.loads, (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8"))
    outputs = {row["id"]: json.dumps(row["output"]) for row in lines}
    answers = {row["input"]: outputs[row["id"]] for row in rows}
    bare.path.joinpath("cases.jsonl").write_bytes((FARA / "cases.jsonl").read_bytes())
    bare.path.joinpath("zero_shot.md").write_text("Read the filing. Answer as JSON.")
    bare.makepyfile(test_filings=SUITE)
    with StandIn(lambda body: answers[body["messages"][-1]["content"]]) as provider:
        record(bare, provider, "-q").assert_outcomes(passed=121)
    facts = json.loads((FARA / "facts.json").read_text(encoding="utf-8"))["fields"][prompt]
    for workers in ("0", "2"):
        run = bare.runpytest_subprocess("-q", f"-n{workers}", "--llm-extract-json=out.json")
        run.assert_outcomes(passed=121)
        fields = json.loads((bare.path / "out.json").read_text())["suites"][0]["fields"]
        for path, expected in facts.items():
            assert {key: fields[path][key] for key in expected} == pytest.approx(expected, abs=1e-6), (workers, path)
