"""Real filings with real answers under five prompts: what the published counts were taken with."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

FARA = Path(__file__).parents[2] / "shared" / "data" / "fara"
PROMPTS = ["zero_shot", "one_shot", "five_shot", "chain_of_thought", "no_schema"]


class Filing(BaseModel):
    """What the published counts were taken with."""

    file_date: str | None = None
    foreign_principle_name: str | None = None
    registrant_name: str | None = None
    registration_num: str | None = None
    signer_name: str | None = None
    signer_title: str | None = None


SUITE = """
import pytest
from pydantic import BaseModel

class Filing(BaseModel):
    file_date: str | None = None
    foreign_principle_name: str | None = None
    registrant_name: str | None = None
    registration_num: str | None = None
    signer_name: str | None = None
    signer_title: str | None = None

@pytest.mark.llm_extract(schema=Filing, prompt="zero_shot.md", cases="cases.jsonl", model="gpt-4",
                         response_format="json_object")
def test_filings(extraction):
    pass
"""
