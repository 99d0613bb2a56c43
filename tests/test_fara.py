"""The published outcome counts of real answers to real filings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from pytest_llm_extract.outcome import FieldCounts
from pytest_llm_extract.schema import Schema
from pytest_llm_extract.scoring import score_answer
from pytest_llm_extract.validate import read_answer

FARA = Path(__file__).parents[2] / "shared" / "data" / "fara"
pytestmark = pytest.mark.skipif(not FARA.is_dir(), reason="the FARA data is not beside this checkout")


class Filing(BaseModel):
    """What the published counts were taken with."""

    file_date: str | None = None
    foreign_principle_name: str | None = None
    registrant_name: str | None = None
    registration_num: str | None = None
    signer_name: str | None = None
    signer_title: str | None = None


@pytest.mark.parametrize("prompt", ["zero_shot", "one_shot", "five_shot", "chain_of_thought", "no_schema"])
def test_published_counts_come_out(prompt: str) -> None:
    """Every outcome count of six fields, over 120 filings."""
    schema = Schema.of(Filing, "test")
    cases = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    lines = map(json.loads, (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8"))
    outputs = {row["id"]: row["output"] for row in lines}
    totals: dict[str, FieldCounts] = {path: FieldCounts() for path in schema.paths}
    for case in cases:
        answer = read_answer(schema, json.dumps(outputs[case["id"]]))
        for path, counts in score_answer(schema, schema.read_gold(case["expected"]), answer).counts.items():
            totals[path] += counts
    facts = json.loads((FARA / "facts.json").read_text(encoding="utf-8"))["fields"][prompt]
    for path, counts in totals.items():
        for outcome in ("correct", "wrong", "missing", "spurious", "absent_ok", "invalid"):
            assert getattr(counts, outcome) == facts[path][outcome], (path, outcome)
