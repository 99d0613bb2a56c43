"""Score, answers, tokens and cost of each variant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median, quantiles
from typing import Any, NamedTuple

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import ANSWERED, FieldCounts, Status, add_up
from pytest_llm_extract.results.prices import cost_of_models_usd
from pytest_llm_extract.results.suite_result import SuiteResult


class VariantSummary(NamedTuple):
    """One variant on the compared cases.

    `score` is what is compared, in 0..1: the mean over documents and fields of the share of a field's leaves that were
    right. `counts` are the leaves of all fields together. `n_unusable` counts answers that were invalid,
    refused or cut off, by `statuses`. Tokens are means for one document; `usd_per_1000` is the list price of 1,000
    documents. Latencies are seconds as recorded. None where it is not known.
    """

    name: str
    is_primary: bool
    model: str | None
    prompt: str | None
    score: float
    counts: FieldCounts
    n_unusable: int
    statuses: dict[str, int]
    input_tokens: float | None
    output_tokens: float | None
    usd_per_1000: float | None
    latency_median_s: float | None
    latency_p95_s: float | None

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "primary": self.is_primary,
            "model": self.model,
            "prompt": self.prompt,
            "score": self.score,
            "right": self.counts.right,
            "n": self.counts.n,
            "accuracy": self.counts.accuracy,
            "unusable": self.n_unusable,
            "statuses": self.statuses,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "usd_per_1000": self.usd_per_1000,
            "latency_median_s": self.latency_median_s,
            "latency_p95_s": self.latency_p95_s,
        }


def summarize_variant(
    suite: SuiteResult, cases: Sequence[CaseResult], fields: Sequence[str], score: float
) -> VariantSummary:
    """Summarize one variant on these cases and fields; `score` is its score on them."""
    samples = [sample for case in cases for sample in case.samples]
    of_samples = [sample.counts for sample in samples]
    statuses = Counter(sample.status.value for sample in samples if sample.status is not Status.OK)
    used = [sample.usage for sample in samples if sample.usage.input_tokens]
    costs = [cost_of_models_usd(sample.by_model, sample.origin.via) for sample in samples]
    known = [cost for cost in costs if cost is not None]
    seconds = [sample.latency_s for sample in samples if sample.latency_s is not None]
    return VariantSummary(
        name=suite.variant,
        is_primary=suite.is_primary,
        model=suite.model or next((sample.model for sample in samples if sample.model), None),
        prompt=suite.prompt["fingerprint"] if suite.prompt else None,
        score=score,
        counts=add_up(counts[field] for counts in of_samples for field in fields if field in counts),
        n_unusable=sum(n for status, n in statuses.items() if Status(status) in ANSWERED),
        statuses=dict(statuses),
        input_tokens=fmean(usage.input_tokens for usage in used) if used else None,
        output_tokens=fmean(usage.output_tokens for usage in used) if used else None,
        usd_per_1000=1000 * fmean(known) if known and len(known) == len(costs) else None,
        latency_median_s=median(seconds) if seconds else None,
        latency_p95_s=quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else None,
    )
