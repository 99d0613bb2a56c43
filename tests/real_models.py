"""The answers of two small real models to the example documents, served on loopback under seven formulations."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from standin import StandIn

REAL_MODELS = Path(__file__).parents[2] / "shared" / "data" / "real_models"
FORMULATIONS = ("base", "rules", "oneshot", "fewshot", "jsonobj", "think", "described")
SUITE = """
import pytest
from described import DescribedInvoice, ThinkInvoice
from invoices import InvoiceData
from pytest_llm_extract import Variant

@pytest.mark.llm_extract(
    schema=InvoiceData, cases="gold.jsonl", prompt="base.prompt.yml",
    variants=[
        Variant("rules", prompt="rules.prompt.yml"),
        Variant("oneshot", prompt="oneshot.prompt.yml", examples="shot.jsonl"),
        Variant("fewshot", prompt="fewshot.prompt.yml", examples="shots.jsonl"),
        Variant("jsonobj", prompt="jsonobj.prompt.yml", response_format="json_object"),
        Variant("think", prompt="think.prompt.yml", schema=ThinkInvoice, examples="shots_think.jsonl"),
        Variant("described", prompt="described.prompt.yml", schema=DescribedInvoice),
    ],
)
def test_invoices(extraction): ...
"""


def write_project(folder: Path) -> None:
    """Prompts, schemas, golden data and one suite with seven formulations."""
    for path in filter(Path.is_file, (REAL_MODELS / "prompts").iterdir()):
        shutil.copy(path, folder)
    shutil.copy(REAL_MODELS / "gold.jsonl", folder)
    (folder / "test_invoices.py").write_text(SUITE, encoding="utf-8")


def serve() -> StandIn:
    """A provider that answers each formulation's request as the real model did."""
    documents = {row["input"]: row["id"] for row in _rows(REAL_MODELS / "gold.jsonl")}
    answers = {
        name: {row["id"]: row for row in _rows(REAL_MODELS / "answers" / f"gemma3-{name}.jsonl")}
        for name in FORMULATIONS
    }
    requests = {
        name: json.loads((REAL_MODELS / "requests" / f"gemma3-{name}.json").read_text("utf-8")) for name in FORMULATIONS
    }

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        last = body["messages"][-1]["content"].removeprefix("Invoice:\n").removesuffix("\nJSON:").strip()
        name = next(name for name, request in requests.items() if _alike(request, body))
        row = answers[name][documents[last]]
        message = {"role": "assistant", "content": row["raw"]}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": row["finish_reason"]}],
            "usage": row["usage"],
        }

    return StandIn(answer)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return [one["messages"][:-1], one.get("response_format")] == [other["messages"][:-1], other.get("response_format")]
