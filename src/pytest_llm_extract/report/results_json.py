"""results.json: public and versioned; its JSON Schema is `results.schema.json` in this folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

from pytest_llm_extract import clock
from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.errors import ResultsError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.formats.wire import as_wire
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.judge import JudgedBefore
from pytest_llm_extract.gate.regression import Comparison, FieldChange
from pytest_llm_extract.git import head_commit
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.results.aggregate import FieldSummary, Tally, by_group, count_flakes
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.miss_groups import group_misses, misses_to_wire
from pytest_llm_extract.results.outcome import FieldCounts, is_through_a_list
from pytest_llm_extract.results.prices import cost_of_models_usd, total_usd
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.rules.limits import Floor

FORMAT, VERSION = "pytest-llm-extract-results", 1
Gated = tuple[SuiteResult, Decision]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of results.json."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("results.schema.json").read_text(encoding="utf-8"))
    return schema


def run_head(suites: Sequence[Gated], folder: Path) -> dict[str, Any]:
    """When a run was, and of what; `folder` is where to ask git for the commit."""
    return {
        "created": clock.utc_now().isoformat(timespec="seconds"),
        "commit": head_commit(folder),
        "complete": all(suite.complete for suite, _ in suites if suite.is_gated),
        "plugin": version("pytest-llm-extract"),
        "pytest": version("pytest"),
    }


def run_to_wire(
    suites: Sequence[Gated],
    folder: Path,
    comparisons: Sequence[VariantComparison] = (),
    run: Mapping[str, Any] | None = None,
    lints: Sequence[LintReport] = (),
) -> dict[str, Any]:
    """A whole run: every variant of every suite, comparisons of variants, and lints.

    `folder` is where git is asked for the commit. `run` is the head of the run, None for one that ends now.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "run": dict(run or run_head(suites, folder)),
        "suites": [suite_to_wire(suite, decision) for suite, decision in suites],
        "comparison": as_wire(comparisons),
        "lint": as_wire(lints),
    }


def results_text(wire: dict[str, Any]) -> str:
    """The text of a results.json."""
    text = StringIO()
    for piece in json.JSONEncoder(indent=1).iterencode(wire):  # `dumps` holds all pieces: seven times the text
        text.write(piece)
    return text.getvalue() + "\n"


def write_results(path: Path, data: str | bytes) -> None:
    """Write a file of results, whatever its format.

    Raises:
        ResultsError: it cannot be written.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        raise ResultsError(str(path), f"results not written: {error.strerror or error}") from None


def read_input(path: Path) -> str:
    """The text of a file that a command was given.

    Raises:
        ResultsError: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(str(path), f"cannot be read: {reason(error)}") from None


def read_results(text: str, name: str) -> list[SuiteResult]:
    """The suites of a results.json.

    Raises:
        ResultsError: it is none, or one of another version.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultsError(name, f"is not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ResultsError(name, "is not a results.json of pytest-llm-extract (write one with --llm-extract-json=PATH)")
    if data.get("version") != VERSION:
        raise ResultsError(name, f"has format version {data.get('version')!r}, this version reads {VERSION}")
    try:
        if any(suite["n_cases"] != len(suite["cases"]) for suite in data["suites"]):
            raise ResultsError(name, "holds totals only: the corpus was too large to list its cases")
        return [SuiteResult.from_wire(suite) for suite in data["suites"]]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ResultsError(name, f"is damaged ({type(error).__name__}: {error})") from None


def read_run(text: str) -> Mapping[str, Any]:
    """What a results.json that `read_results` has read says of its run."""
    run = json.loads(text).get("run")
    return run if isinstance(run, dict) else {}


def suite_to_wire(suite: SuiteResult, decision: Decision) -> dict[str, Any]:
    """One suite of results.json."""
    results, samples = suite.cases, suite.samples
    costs = [
        [cost_of_models_usd(sample.by_model, sample.origin.via) for sample in result.samples] for result in results
    ]
    return {
        **suite.head_to_wire(),
        "n_cases": len(results),
        "documents": {"valid": sum(s.valid for s in samples), "exact": sum(s.exact for s in samples)},
        "flake_rate": count_flakes(results).rate,
        "fields": {
            path: _field(path, summary, suite.rules.floors.get(path), decision)
            for path, summary in decision.fields.items()
        },
        **rates_to_wire(results, suite.weights),
        "pooled": {c.against: _pooled(c) for c in decision.comparisons},
        "cases": [_case(result, of_case) for result, of_case in zip(results, costs, strict=True)],
        "usage": {
            "input_tokens": sum(sample.usage.input_tokens for sample in samples),
            "output_tokens": sum(sample.usage.output_tokens for sample in samples),
            "cost_usd": total_usd(chain.from_iterable(costs)),
        },
        "history": list(suite.baseline.history) if suite.baseline else [],
        "verdict": decision.verdict.value if decision.verdict else None,
        "reasons": list(decision.reasons),
        "doubts": list(decision.doubts),
        "notes": list(decision.notes),
        "judge": {
            "notes": as_wire(decision.judge),
            "before": _judged_before(decision.judged_before),
        },
        "misses": misses_to_wire(group_misses(results)),
    }


def _judged_before(before: JudgedBefore | None) -> dict[str, Any] | None:
    return before and {"verdict": before.verdict.value, "reasons": list(before.reasons)}


def _case(result: CaseResult, costs: Sequence[float | None]) -> dict[str, Any]:
    wire = result.to_wire()
    for sample, cost in zip([wire, *wire["samples"]], costs, strict=True):
        sample["usage"]["cost_usd"] = cost
    return wire


def _field(path: str, summary: FieldSummary, floor: Floor | None, decision: Decision) -> dict[str, Any]:
    counts = summary.counts
    verdict = decision.field_verdict(path, floor)
    changes = {c.against: c.fields[path] for c in decision.comparisons if path in c.fields}
    return {
        **counts._asdict(),
        "n": counts.n,
        "accuracy": counts.accuracy,
        "interval": list(summary.interval),
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "hallucination_rate": None if is_through_a_list(path) else counts.hallucination_rate,
        "spurious_share": counts.spurious_share,
        "omission_rate": counts.omission_rate,
        "flake_rate": summary.flakes.rate,
        "floor": float(floor.rates["accuracy"]) if floor and "accuracy" in floor.rates else None,
        "verdict": verdict.value if verdict else None,
        "baseline": _change(changes.get("baseline")),
        "anchor": _change(changes.get("anchor")),
    }


def _change(change: FieldChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "accuracy": change.before.accuracy,
        "lost": list(change.lost),
        "gained": list(change.gained),
        "p": change.p,
        "p_adj": change.p_adj,
        "p_holm": change.p_holm,
        "p_gain": change.p_gain,
    }


def _pooled(comparison: Comparison) -> dict[str, Any]:
    return {
        "source": comparison.source,
        "alpha": comparison.alpha,
        "n_cases": comparison.n_cases,
        "n_groups": comparison.n_groups,
        "samples": comparison.n_samples,
        "p": comparison.pooled_p,
        "p_adj": comparison.pooled_p_adj,
        "p_gain": comparison.pooled_p_gain,
        "statuses": {status.value: list(counts) for status, counts in comparison.statuses.items()},
        "p_without_failed_fields": comparison.pooled_p_without_failed,
        "smallest_loss": comparison.smallest_loss,
        "cases_to_decide": comparison.cases_to_decide,
    }


def rates_to_wire(results: Iterable[CaseResult], weights: Mapping[str, float]) -> dict[str, Any]:
    """`rates` (micro over leaves, macro over fields, mean over documents), `rows` by list, and `groups` of metadata.

    With `weights` of fields, there is a composite beside the other rates.
    """
    listed = list(results)
    groups = by_group(listed)
    return {
        **tally_to_wire(Tally.of(listed), weights),
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
    return {**counts._asdict(), "n": counts.n, "accuracy": counts.accuracy}
