"""results.json: public and versioned; its JSON Schema is `results.schema.json` in this folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_llm_extract.aggregate import FieldSummary
from pytest_llm_extract.gate import judge_field
from pytest_llm_extract.outcome import CaseResult, Verdict
from pytest_llm_extract.report.rates import rates_to_wire

FORMAT, VERSION = "pytest-llm-extract-results", 1


def json_schema() -> dict[str, Any]:
    """The JSON Schema of results.json."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("results.schema.json").read_text(encoding="utf-8"))
    return found


def suite_to_wire(
    header: Mapping[str, Any],
    results: Sequence[CaseResult],
    fields: Mapping[str, FieldSummary],
    floors: Mapping[str, Fraction],
    verdict: Verdict | None,
    reasons: Sequence[str],
) -> dict[str, Any]:
    """One suite of results.json."""
    return {
        "id": header["id"],
        "variant": header["variant"],
        "primary": True,
        "dataset_ids": list(header["dataset_ids"]),
        "model": header["model"],
        "prompt": header["prompt"],
        "n_cases": len(results),
        "documents": {"valid": sum(r.valid for r in results), "exact": sum(r.exact for r in results)},
        "fields": {path: _field(path, summary, floors.get(path)) for path, summary in fields.items()},
        **rates_to_wire(results),
        "cases": [result.to_wire() for result in results],
        "usage": {
            "input_tokens": sum(r.usage.input_tokens for r in results),
            "output_tokens": sum(r.usage.output_tokens for r in results),
        },
        "verdict": verdict.value if verdict else None,
        "reasons": list(reasons),
    }


def _field(path: str, summary: FieldSummary, floor: Fraction | None) -> dict[str, Any]:
    counts, verdict = summary.counts, judge_field(summary, floor)
    return {
        **asdict(counts),
        "n": counts.n,
        "accuracy": counts.accuracy,
        "interval": list(summary.interval),
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        # Through a list there is no count of rightly absent values that a rate could refer to.
        "hallucination_rate": None if "[]" in path or "{}" in path else counts.hallucination_rate,
        "spurious_share": counts.spurious_share,
        "omission_rate": counts.omission_rate,
        "floor": float(floor) if floor is not None else None,
        "verdict": verdict.value if verdict else None,
    }
