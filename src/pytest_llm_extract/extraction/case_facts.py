"""The facts of a golden case that its result carries, whatever came of its extraction."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.config.source import path_below
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.scoring.answer import lost_answer
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.suites.suite import Suite


def lost_result(suite: Suite, golden: GoldenCase, status: Status, error: str | None, rootdir: Path) -> CaseResult:
    """Make the result of a case whose extraction never ran. It stays in every denominator."""
    lost = score_answer(
        suite.schema,
        golden.gold,
        lost_answer(status, error),
        case_id=golden.case.id,
        origin=Origin(**labels(suite, golden)),
        **of_case(suite, golden, rootdir),
    )
    return with_further(lost, [lost] * (suite.n_samples - 1))


def with_further(first: CaseResult, further: Sequence[CaseResult]) -> CaseResult:
    """Add the results of further samples to the result of the first."""
    return dataclasses.replace(first, further=tuple(sample.first for sample in further)) if further else first


def of_case(suite: Suite, golden: GoldenCase, rootdir: Path) -> dict[str, Any]:
    """The facts of a golden case for its result, with its accepted answers scored in the same way."""
    case = golden.case
    baseline, anchor = suite.accepted.entries(case.id)
    return {
        "group": case.group,
        "input": as_json(case.shown_input),
        "passages": suite.call.passages(case.id) if suite.call else None,
        "near_examples": suite.call.near_examples(case.id) if suite.call else (),
        "document": path_below(case.input, rootdir) if isinstance(case.input, Path) else None,
        "metadata": json.loads(json.dumps(case.metadata, default=str)) if case.metadata else {},
        "baseline": _scored(baseline, suite, golden) if baseline else None,
        "anchor": _scored(anchor, suite, golden) if anchor else None,
    }


def _scored(entry: Entry, suite: Suite, golden: GoldenCase) -> Accepted:
    """An accepted case under today's gold and rules; as it was then, where the project's own code fails on it."""
    try:
        return entry.scored(suite.schema, golden.gold, kept_gold(suite, golden))
    except Exception:  # of a comparison or a validator
        return entry.as_then()


def kept_gold(suite: Suite, golden: GoldenCase) -> Any:
    """The gold that the baseline keeps of a case, where today's is another; None otherwise."""
    baseline, _ = suite.accepted.entries(golden.case.id)
    return baseline and baseline.kept_gold(suite.schema, golden.gold_hash)


def labels(suite: Suite, golden: GoldenCase) -> dict[str, str]:
    """Hashes of what a case was scored by, for its `Origin`."""
    scoring = suite.schema.scoring_fingerprint[:16]
    return {"gold": golden.gold_hash, "scoring": scoring, "document": golden.document_hash}
