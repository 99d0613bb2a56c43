"""The table of a suite and what explains it, as text that fits a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from pytest_llm_extract.advice import advice
from pytest_llm_extract.aggregate import FieldSummary
from pytest_llm_extract.gate import judge_field
from pytest_llm_extract.outcome import CaseResult, Outcome, Status

_MISSES = 8
_RIGHT = (Outcome.CORRECT, Outcome.ABSENT_OK)


def printable(text: str, width: int) -> str:
    """One line of at most `width` characters; control characters and escape sequences shown, not sent."""
    shown = "".join(ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode() for ch in text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def fields_table(fields: Mapping[str, FieldSummary], floors: Mapping[str, Fraction], width: int) -> str:
    """Field, right/n, accuracy, its 95 % interval, floor and verdict."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("field", overflow="fold")
    for name in ("right/n", "accuracy", "95% interval", "floor", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for path, summary in fields.items():
        counts, floor = summary.counts, floors.get(path)
        verdict = judge_field(summary, floor)
        low, high = summary.interval
        table.add_row(
            _escape(printable(path, 60)),
            f"{counts.right}/{counts.n}",
            f"{(counts.accuracy or 0) * 100:.1f}%",
            f"{low * 100:.1f}–{high * 100:.1f}",
            f"{float(floor) * 100:g}%" if floor is not None else "",
            verdict.value.upper() if verdict else "",
        )
    out = io.StringIO()
    Console(file=out, width=max(width, 40), color_system=None, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def documents_line(results: Sequence[CaseResult]) -> str:
    """How many documents were valid and exact, and how the others ended."""
    valid, exact = sum(r.valid for r in results), sum(r.exact for r in results)
    ended = {s: sum(r.status is s for r in results) for s in Status if s is not Status.OK}
    rest = ", ".join(f"{count} {status.value}" for status, count in ended.items() if count)
    return f"documents: {valid}/{len(results)} valid, {exact}/{len(results)} exact" + (f" ({rest})" if rest else "")


def worst_misses(results: Sequence[CaseResult], width: int) -> list[str]:
    """The cases with most wrong leaves, a line for each leaf, expected and actual side by side; then how many more."""
    misses = [
        (result.id, path, leaf)
        for result in sorted(results, key=lambda r: (-_wrong_leaves(r), r.id))
        if result.status in (Status.OK, Status.INVALID)
        for path, leaves in result.leaves.items()
        for leaf in leaves
        if leaf.outcome not in _RIGHT
    ]
    side = max(12, (width - 40) // 2)
    lines = [
        f"  {printable(case, 14):14} {printable(path, 16):16} {printable(_show(leaf.expected), side):{side}} ≠ "
        f"{printable(_show(leaf.actual), side)}"
        for case, path, leaf in misses[:_MISSES]
    ]
    if len(misses) > _MISSES:
        lines.append(f"  … and {len(misses) - _MISSES} more (all of them: --llm-extract-json=PATH)")
    return lines


def advice_lines(results: Sequence[CaseResult]) -> list[str]:
    """What would have matched the misses, a line for each field that one rule explains in good part."""
    return [f"  hint: {printable(path, 60)}: {text}" for path, text in advice(results).items()]


def _wrong_leaves(result: CaseResult) -> int:
    return sum(leaf.outcome not in _RIGHT for leaves in result.leaves.values() for leaf in leaves)


def _show(value: Any) -> str:
    if value is None:
        return "∅"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def problem_groups(suite: str, problems: Mapping[str, Mapping[str, Any]], statuses: Mapping[str, Status]) -> list[str]:
    """Stale and missing cassettes, a paragraph for each cause, with the command that mends it."""
    groups: dict[tuple[Status, str, tuple[str, ...]], list[str]] = {}
    renamed = next((p["renamed"] for p in problems.values() if p.get("renamed")), None)
    for case, problem in problems.items():
        change = problem.get("change")
        status = statuses[case]
        cause = change["cause"] if change else (problem["problem"] if status is not Status.MISSING else "")
        if status is Status.MISSING and str(problem["problem"]).startswith(("not recorded", "recording needs")):
            cause = problem["problem"]
        groups.setdefault((status, cause, tuple(change["lines"]) if change else ()), []).append(case)
    lines: list[str] = []
    for (status, cause, changed), cases in groups.items():
        what = cause or "no cassette"
        lines.append(f"{status.value.upper()}: {printable(what, 400)} ({len(cases)} cases: {_some(cases)})")
        lines += [f"    {printable(line, 200)}" for line in changed]
        if status is Status.MISSING and renamed:
            lines.append(f"    the folder of variant {renamed!r} is there: was the prompt or extractor renamed?")
    if any(status in (Status.STALE, Status.MISSING) for status, _, _ in groups):
        lines.append(f"    to record: pytest --llm-record {suite}")
    return lines


def _some(cases: Sequence[str]) -> str:
    shown = ", ".join(printable(case, 30) for case in cases[:3])
    return shown + (", …" if len(cases) > 3 else "")
