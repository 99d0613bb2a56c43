"""Show wrong values and what would have matched, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_llm_extract.report.terminal_text import MISSES, and_more, field_name, has_values, printable, show
from pytest_llm_extract.results.case_result import CaseResult, Leaf, Sample
from pytest_llm_extract.results.outcome import RIGHT, Status
from pytest_llm_extract.scoring.advice import advice


def worst_misses(
    results: Sequence[CaseResult], width: int, *, flag: str | None = "--llm-extract-json", n_lines: int | None = None
) -> list[str]:
    """What went wrong, the cases with most wrong leaves first: expected and actual side by side, a line for each leaf.

    A document without a usable answer is one line; what samples have in common is one line too. After `MISSES` lines
    the rest is only counted: `n_lines` in all, where `results` are only the worst. `flag` writes all of them, None:
    nothing does.
    """
    lines: list[str] = []
    for result in sorted(results, key=lambda r: (-_wrong_leaves(r), r.id)):
        lines += _case_lines(result, width)
    more = (len(lines) if n_lines is None else n_lines) - MISSES
    return [*lines[:MISSES], and_more(more, flag)] if more > 0 else lines


def _case_lines(result: CaseResult, width: int) -> list[str]:
    if not result.further:
        return _sample_lines(result.id, result, width)
    counted = f" ({{}} of {len(result.samples)} samples)"
    found = [_sample_lines(result.id, sample, width - len(counted)) for sample in result.samples]
    n_samples = Counter(line for lines in found for line in dict.fromkeys(lines))
    return [line + counted.format(n) for line, n in n_samples.items()]


def _sample_lines(case: str, sample: Sample, width: int) -> list[str]:
    head = f"  {printable(case, 14):14}"
    if sample.status in (Status.REFUSED, Status.TRUNCATED, Status.REJECTED) or (
        sample.status is Status.INVALID and sample.lost
    ):
        return [f"{head} {sample.status.value}: {printable(sample.error or '', max(20, width - 30))}"]
    if sample.status not in (Status.OK, Status.INVALID):
        return []
    side = max(12, (width - 40) // 2)
    return [
        f"{head} {field_name(path, 16):16} {_miss(leaf, side)}"
        for path, leaves in sample.leaves.items()
        for leaf in leaves
        if leaf.outcome not in RIGHT
    ]


def _miss(leaf: Leaf, side: int) -> str:
    if not has_values(leaf):
        return leaf.outcome.value
    return f"{printable(show(leaf.expected), side):{side}} ≠ {printable(show(leaf.actual), side)}"


def advice_lines(results: Sequence[CaseResult]) -> list[str]:
    """Suggest rules: one line for each field in which one rule explains many misses."""
    return [f"  hint: {field_name(path)}: {text}" for path, text in advice(results).items()]


def _wrong_leaves(result: CaseResult) -> int:
    found = (leaf for sample in result.samples for leaves in sample.leaves.values() for leaf in leaves)
    return sum(leaf.outcome not in RIGHT for leaf in found)
