"""The table of a suite and what explains it, as text that fits a terminal."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_llm_extract.advice import advice, advise
from pytest_llm_extract.aggregate import FieldSummary
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.floors import judge_field
from pytest_llm_extract.gate.regression import Comparison, FieldChange
from pytest_llm_extract.gate.words import count_cases, percent
from pytest_llm_extract.limits import Floor
from pytest_llm_extract.outcome import RIGHT, CaseResult, Leaf, Outcome, Status
from pytest_llm_extract.suite_result import SuiteResult

if TYPE_CHECKING:
    from rich.table import Table

_MISSES = 8


def printable(text: str, width: int) -> str:
    """One line of at most `width` characters; control characters and escape sequences shown, not sent."""
    shown = "".join(ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode() for ch in text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def suite_lines(
    suite: SuiteResult,
    decision: Decision,
    notes: Mapping[str, Mapping[str, Any]],
    width: int,
    *,
    keeps_requests: bool = True,
) -> list[str]:
    """Everything about one suite; `notes` says by case id whether it was recorded, and what kept it from a replay.

    `keeps_requests` is False where cassettes hold hashes of requests.
    """
    results = suite.cases
    answered = any(result.status not in (Status.STALE, Status.MISSING) for result in results)
    lines = [fields_table(decision.fields, suite.rules.floors, width)] if decision.fields and answered else []
    lines.append(documents_line(results))
    lines += worst_misses(results, width)
    lines += advice_lines(results)
    for comparison in decision.comparisons:
        lines += comparison_lines(comparison, results, width)
    problems = {r.id: notes[r.id] for r in results if r.id in notes and notes[r.id]["problem"]}
    lines += problem_groups(suite.id, problems, {result.id: result.status for result in results})
    recorded = sum(note["recorded"] for note in notes.values())
    if recorded:
        what = "a cassette holds its document as it is" if keeps_requests else "of requests, cassettes hold hashes"
        lines.append(f"recorded: {recorded} ({what})")
    return lines + verdict_lines(suite, decision)


def verdict_lines(suite: SuiteResult, decision: Decision) -> list[str]:
    """The gate's verdict, and every reason for it."""
    if not suite.complete:
        return [f"partial run: {len(suite.cases)} of {len(suite.dataset_ids)} cases; gate skipped"]
    if decision.verdict is None:
        return ["gate skipped"]
    lines = [f"warning: {printable(text, 400)}" for text in suite.warnings]
    lines += [f"note: {printable(text, 400)}" for text in decision.notes]
    lines.append(f"gate: {decision.verdict.value}")
    return lines + [f"  {printable(text, 400)}" for text in (*decision.reasons, *decision.doubts)]


def comparison_lines(comparison: Comparison, results: Sequence[CaseResult], width: int) -> list[str]:
    """What moved against accepted answers: a table of the fields that did, and the lost and gained cases."""
    head = f"against the {comparison.against} ({comparison.source}), {count_cases(comparison.n_cases)} paired:"
    moved = {path: change for path, change in comparison.fields.items() if change.lost or change.gained}
    if not moved:
        return [f"{head} no case lost, none gained"]
    lines = [head, _moved_table(moved, comparison, width)]
    lines += _moved_cases(moved, comparison.against, results, width)
    return lines + _advice_on_lost(moved, results)


def _moved_table(moved: Mapping[str, FieldChange], comparison: Comparison, width: int) -> str:
    table = _new_table(("lost", "gained", "before", "now", "p", "p_adj", ""))
    failed = comparison.failed
    for path, change in moved.items():
        table.add_row(
            _escape(printable(path, 60)),
            str(len(change.lost)),
            str(len(change.gained)),
            f"{(change.before.accuracy or 0) * 100:.1f}%",
            f"{(change.after.accuracy or 0) * 100:.1f}%",
            f"{change.p:.3g}",
            "waived" if change.p_adj is None else f"{change.p_adj:.3g}",
            "LOST" if path in failed else "",
        )
    pooled = ("", "", "", "", f"{comparison.pooled_p:.3g}", f"{comparison.pooled_p_adj:.3g}")
    table.add_row("all fields", *pooled, "LOST" if comparison.pooled_p_adj <= comparison.alpha else "")
    return _render(table, width)


def _moved_cases(
    moved: Mapping[str, FieldChange], against: str, results: Sequence[CaseResult], width: int
) -> list[str]:
    """Lost cases first, then gained ones: expected, what the accepted answer had, and what this one has."""
    by_id = {result.id: result for result in results}
    order = sorted(moved, key=lambda path: -len(moved[path].lost))
    cases = [("lost", path, case) for path in order for case in moved[path].lost]
    cases += [("gained", path, case) for path in order for case in moved[path].gained]
    lines = []
    for word, path, case in cases[:_MISSES]:
        result = by_id[case]
        accepted = result.baseline if against == "baseline" else result.anchor
        before, now = (_first(leaves.get(path, ())) for leaves in (accepted.leaves if accepted else {}, result.leaves))
        expected = next((leaf.expected for leaf in (*now, *before)), None)
        shown = [
            printable(_show(value), max(10, (width - 48) // 3)) for value in (expected, _actual(before), _actual(now))
        ]
        lines.append(
            f"  {word:6} {printable(case, 14):14} {printable(path, 16):16} {shown[0]}: {shown[1]} → {shown[2]}"
        )
    if len(cases) > _MISSES:
        lines.append(f"  … and {len(cases) - _MISSES} more (all of them: --llm-extract-json=PATH)")
    return lines


def _advice_on_lost(moved: Mapping[str, FieldChange], results: Sequence[CaseResult]) -> list[str]:
    """Which cheap rule would have kept the lost cases, a line for each field that has one."""
    lines = []
    for path, change in moved.items():
        lost = set(change.lost)
        leaves = [leaf for r in results if r.id in lost for leaf in r.leaves.get(path, ()) if leaf.outcome not in RIGHT]
        if leaves and (text := advise(leaves, "lost")):
            lines.append(f"  hint: {printable(path, 60)}: {text}")
    return lines


def _first(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The leaf that shows it best: a wrong one, where there is one."""
    return sorted(leaves, key=lambda leaf: leaf.outcome in RIGHT)[:1]


def _actual(leaves: Sequence[Leaf]) -> Any:
    return leaves[0].actual if leaves else None


def fields_table(fields: Mapping[str, FieldSummary], floors: Mapping[str, Floor], width: int) -> str:
    """Field, right/n, accuracy, its 95 % interval, floor and verdict."""
    table = _new_table(("right/n", "accuracy", "95% interval", "floor", ""))
    for path, summary in fields.items():
        counts, floor = summary.counts, floors.get(path)
        verdict = judge_field(summary, floor)
        low, high = summary.interval
        table.add_row(
            _escape(printable(path, 60)),
            f"{counts.right}/{counts.n}",
            f"{(counts.accuracy or 0) * 100:.1f}%",
            f"{low * 100:.1f}–{high * 100:.1f}",
            _floor_text(floor) if floor is not None else "",
            verdict.value.upper() if verdict else "",
        )
    return _render(table, width)


def _floor_text(floor: Floor) -> str:
    """`95%`, or `P 90%, R 80%`: the first letter of each rate that is no accuracy."""
    shown = [
        f"{'' if name == 'accuracy' else name[0].upper() + ' '}{percent(limit)}" for name, limit in floor.rates.items()
    ]
    return ", ".join(shown)


def _new_table(columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("field", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _render(table: Table, width: int) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=max(width, 40), color_system=None, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def documents_line(results: Sequence[CaseResult]) -> str:
    """How many documents were valid and exact, and how the others ended."""
    return documents_text(
        sum(r.valid for r in results), sum(r.exact for r in results), Counter(r.status for r in results)
    )


def documents_text(n_valid: int, n_exact: int, statuses: Mapping[Status, int]) -> str:
    """The same, from counts."""
    n = sum(statuses.values())
    rest = ", ".join(f"{statuses[s]} {s.value}" for s in Status if s is not Status.OK and statuses.get(s))
    return f"documents: {n_valid}/{n} valid, {n_exact}/{n} exact" + (f" ({rest})" if rest else "")


def worst_misses(
    results: Sequence[CaseResult], width: int, *, flag: str | None = "--llm-extract-json", n_lines: int | None = None
) -> list[str]:
    """What went wrong, the cases with most wrong leaves first: expected and actual side by side, a line for each leaf.

    A document without a usable answer is one line. After `_MISSES` lines the rest is only counted: `n_lines` in all,
    where `results` are only the worst. `flag` writes all of them, None: nothing does.
    """
    lines: list[str] = []
    for result in sorted(results, key=lambda r: (-_wrong_leaves(r), r.id)):
        if result.status in (Status.REFUSED, Status.TRUNCATED) or (
            result.status is Status.INVALID and _is_lost(result)
        ):
            why = printable(result.error or "", max(20, width - 30))
            lines.append(f"  {printable(result.id, 14):14} {result.status.value}: {why}")
        elif result.status in (Status.OK, Status.INVALID):
            lines += _wrong_lines(result, max(12, (width - 40) // 2))
    more = (len(lines) if n_lines is None else n_lines) - _MISSES
    where = f" (all of them: {flag}=PATH)" if flag else ""
    return [*lines[:_MISSES], f"  … and {more:,} more{where}"] if more > 0 else lines


def _is_lost(result: CaseResult) -> bool:
    """Whether nothing at all was read of the answer."""
    return all(leaf.outcome in (Outcome.MISSING, Outcome.INVALID) for found in result.leaves.values() for leaf in found)


def _wrong_lines(result: CaseResult, side: int) -> list[str]:
    return [
        f"  {printable(result.id, 14):14} {printable(path, 16):16} {printable(_show(leaf.expected), side):{side}} ≠ "
        f"{printable(_show(leaf.actual), side)}"
        for path, leaves in result.leaves.items()
        for leaf in leaves
        if leaf.outcome not in RIGHT
    ]


def advice_lines(results: Sequence[CaseResult]) -> list[str]:
    """What would have matched the misses, a line for each field that one rule explains in good part."""
    return [f"  hint: {printable(path, 60)}: {text}" for path, text in advice(results).items()]


def _wrong_leaves(result: CaseResult) -> int:
    return sum(leaf.outcome not in RIGHT for leaves in result.leaves.values() for leaf in leaves)


def _show(value: Any) -> str:
    if value is None:
        return "∅"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def problem_groups(suite: str, problems: Mapping[str, Mapping[str, Any]], statuses: Mapping[str, Status]) -> list[str]:
    """Stale and missing cassettes, a paragraph for each cause, with the command that mends it."""
    groups: dict[tuple[Status, str], list[str]] = {}
    hint = next((p["hint"] for p in problems.values() if p.get("hint")), None)
    for case, problem in problems.items():
        change = problem.get("change")
        status = statuses[case]
        cause = change["cause"] if change else (problem["problem"] if status is not Status.MISSING else "")
        if status is Status.MISSING and str(problem["problem"]).startswith("not recorded"):
            cause = problem["problem"]
        groups.setdefault((status, cause), []).append(case)
    lines: list[str] = []
    for (status, cause), cases in groups.items():
        what = cause or "no cassette"
        lines.append(f"{status.value.upper()}: {printable(what, 400)} ({count_cases(len(cases))}: {_some(cases)})")
        lines += [f"    {printable(line, 200)}" for line in _changed_lines([problems[case] for case in cases])]
        if status is Status.MISSING and hint:
            lines.append(f"    {printable(hint, 400)}")
    if any(status in (Status.STALE, Status.MISSING) for status, _ in groups):
        lines.append(f"    to record: pytest --llm-record {suite}")
    return lines


def _changed_lines(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """What changed in the first of these cases; whether it is the same in all of them is said."""
    changes = [problem["change"]["lines"] for problem in problems if problem.get("change")]
    others = sum(lines != changes[0] for lines in changes)
    return [*changes[0], *([f"… in another way in {count_cases(others)}"] if others else [])] if changes else []


def _some(cases: Sequence[str]) -> str:
    shown = ", ".join(printable(case, 30) for case in cases[:3])
    return shown + (", …" if len(cases) > 3 else "")
