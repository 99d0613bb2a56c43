"""Rates of a whole suite and of its groups, as results.json holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pytest_llm_extract.results.aggregate import Tally, by_group, tally
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts


def rates_to_wire(results: Iterable[CaseResult], weights: Mapping[str, float]) -> dict[str, Any]:
    """`rates` (micro over leaves, macro over fields, mean over documents), `rows` by list, and `groups` of metadata.

    With `weights` of fields, there is a composite beside the other rates.
    """
    listed = list(results)
    groups = by_group(listed)
    return {
        **tally_to_wire(tally(listed), weights),
        "groups": {
            key: {value: _group(found, weights) for value, found in values.items()}
            for key, values in groups.items()
            if len(values) < len(listed)  # a value of each case's own makes no group
        },
    }


def tally_to_wire(whole: Tally, weights: Mapping[str, float]) -> dict[str, Any]:
    """`rates` and `rows`."""
    return {
        "rates": _rates(whole, weights),
        "rows": {path: _rows(counts) for path, counts in whole.with_rows.items() if path in whole.rows},
    }


def _rows(counts: FieldCounts) -> dict[str, Any]:
    """Rows of gold and of the prediction, and how many of them are pairs."""
    return {
        "gold": counts.correct + counts.missing,
        "predicted": counts.correct + counts.spurious,
        "paired": counts.correct,
        "precision": counts.precision,
        "recall": counts.recall,
    }


def _rates(tally: Tally, weights: Mapping[str, float]) -> dict[str, Any]:
    leaves = tally.leaves
    return {
        "micro": {name: getattr(leaves, name) for name in ("accuracy", "precision", "recall", "f1")},
        "macro_accuracy": tally.macro,
        "document_mean_accuracy": tally.document_mean,
        "composite_accuracy": tally.composite(weights) if weights else None,
    }


def _group(tally: Tally, weights: Mapping[str, float]) -> dict[str, Any]:
    documents = {"valid": tally.n_valid, "exact": tally.n_exact}
    fields = {path: _counts(counts) for path, counts in tally.with_rows.items()}
    return {"n_cases": tally.n_cases, "documents": documents, **_rates(tally, weights), "fields": fields}


def _counts(counts: FieldCounts) -> dict[str, Any]:
    return {**asdict(counts), "n": counts.n, "accuracy": counts.accuracy}
