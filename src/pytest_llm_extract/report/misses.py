"""Show wrong values and what would have matched, for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_llm_extract.formats.repetition import repeated_end
from pytest_llm_extract.report.terminal_text import (
    MISSES,
    and_more,
    cases_and_field,
    columns,
    has_values,
    padded,
    printable,
    show,
    side_by_side,
)
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.miss_groups import Miss, group_misses
from pytest_llm_extract.results.outcome import Leaf
from pytest_llm_extract.scoring.advice import shared_advice


def worst_misses(
    results: Sequence[CaseResult],
    width: int,
    *,
    flag: str | None = "--llm-extract-json",
    n_lines: int | None = None,
    limit: int | None = MISSES,
    left_out: Collection[tuple[str, str]] = (),
) -> list[str]:
    """What went wrong, a line for each group of equal misses: its cases, its field, expected and actual.

    After `limit` lines the rest is only counted: `n_lines` in all, where `results` are only the worst. `flag` writes
    all of them, None: nothing does. `left_out` holds pairs of field and case that are shown elsewhere.
    """
    misses = group_misses(results, left_out)
    lines = [_line(miss, width) for miss in misses[:limit]]
    more = (len(misses) if n_lines is None else n_lines) - len(lines)
    return [*lines, printable(and_more(more, flag), width)] if more > 0 else lines


def _line(miss: Miss, width: int) -> str:
    head = f"  {cases_and_field(miss.cases, miss.path, width)}"
    tail = f" ({miss.n_samples} of {miss.of_samples} samples)" if miss.of_samples > len(miss.cases) else ""
    if miss.path is None:
        text = f"{head} {miss.status.value}{f': {miss.error}' if miss.error else ''}"
        if isinstance(miss.leaf.actual, str) and miss.leaf.actual.strip():
            text += f", {_part(miss)}"
        return printable(text, width - len(tail)) + tail
    side = max(8, (width - columns(head) - 4 - len(tail)) // 2)
    return printable(f"{head} {_values(miss.leaf, side)}", width - len(tail)) + tail


def _part(miss: Miss) -> str:
    """The end of an answer that was cut off, the beginning of one that could not be read."""
    text = " ".join(str(miss.leaf.actual).split())
    if miss.status.value != "truncated":
        return f"begins {text[:40]}…"
    if (again := repeated_end(str(miss.leaf.actual))) is not None:
        return f"repeats {printable(again.strip(), 40)!r} to its end" if again.strip() else "ends in white space"
    return f"ends …{text[-40:]}"


def _values(leaf: Leaf, side: int) -> str:
    if not has_values(leaf):
        return leaf.outcome.value
    expected, actual = side_by_side([show(leaf.expected), show(leaf.actual)], side)
    return f"{padded(expected, side)} ≠ {actual}"


def advice_lines(results: Sequence[CaseResult]) -> list[str]:
    """Suggest rules: one line for each field in which one rule explains many misses."""
    return [f"  hint: {line}" for line in shared_advice(results)]
