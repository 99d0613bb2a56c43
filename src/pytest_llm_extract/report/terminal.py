"""The table of a suite and what explains it, as text that fits a terminal."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pytest_llm_extract.advice import advice, advise
from pytest_llm_extract.aggregate import FieldSummary
from pytest_llm_extract.case_result import Accepted, CaseResult, Leaf, Sample
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.floors import judge_field
from pytest_llm_extract.gate.regression import Comparison, FieldChange
from pytest_llm_extract.gate.words import count_cases, count_samples, percent
from pytest_llm_extract.limits import Floor
from pytest_llm_extract.outcome import RIGHT, Outcome, Status, right_share
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
    record_flag: str = "--llm-record",
    *,
    keeps_requests: bool = True,
    json_flag: str | None = "--llm-extract-json",
) -> list[str]:
    """Everything about one suite; `notes` says by case id whether it was recorded, and what kept it from a replay.

    `keeps_requests` is False where cassettes hold hashes of requests; `json_flag` writes all that is only counted here.
    """
    results = suite.cases
    answered = any(sample.status not in (Status.STALE, Status.MISSING) for sample in suite.samples)
    lines = [fields_table(decision.fields, suite.rules.floors, width)] if decision.fields and answered else []
    lines.append(documents_line(results))
    lines += worst_misses(results, width, flag=json_flag)
    lines += advice_lines(results)
    for comparison in decision.comparisons:
        lines += comparison_lines(comparison, results, width, json_flag)
    problems = {r.id: notes[r.id] for r in results if r.id in notes and notes[r.id]["problem"]}
    lines += problem_groups(f"{record_flag} {suite.id}", problems)
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


def comparison_lines(
    comparison: Comparison, results: Sequence[CaseResult], width: int, json_flag: str | None
) -> list[str]:
    """What moved against accepted answers: a table of the fields that did, and the lost and gained cases."""
    head = f"against the {comparison.against} ({comparison.source}), {count_cases(comparison.n_cases)} paired:"
    moved = {path: change for path, change in comparison.fields.items() if change.lost or change.gained}
    if not moved:
        return [f"{head} no case lost, none gained"]
    lines = [head, _moved_table(moved, comparison, width)]
    lines += _moved_cases(moved, comparison.against, results, width)
    more = sum(len(change.lost) + len(change.gained) for change in moved.values()) - _MISSES
    lines += [_more(more, json_flag)] if more > 0 else []
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
    lines = [f"  {'':6} {'case':14} {'field':16} expected: before → now"]
    for word, path, case in cases[:_MISSES]:
        result = by_id[case]
        accepted = result.baseline if against == "baseline" else result.anchor
        pairs = list(result.paired(accepted)) if accepted else []
        before, now = _clearest(pairs, path, word)
        side = max(10, (width - 48) // 3)
        expected = [printable(_show(leaf.expected), side) + ": " for leaf in (*now, *before) if _has_values(leaf)]
        then, today = (printable(_found(leaves), side) for leaves in (before, now))
        lines.append(
            f"  {word:6} {printable(case, 14):14} {printable(path, 16):16} {''.join(expected[:1])}{then} → {today}"
            f"{_in_samples(pairs, path)}"
        )
    return lines


def _advice_on_lost(moved: Mapping[str, FieldChange], results: Sequence[CaseResult]) -> list[str]:
    """Which cheap rule would have kept the lost cases, a line for each field that has one."""
    lines = []
    for path, change in moved.items():
        lost = set(change.lost)
        samples = [sample for result in results if result.id in lost for sample in result.samples]
        leaves = [leaf for sample in samples for leaf in sample.leaves.get(path, ()) if leaf.outcome not in RIGHT]
        if leaves and (text := advise(leaves, "lost")):
            lines.append(f"  hint: {printable(path, 60)}: {text}")
    return lines


_SamplePairs = Sequence[tuple[Sample, Accepted]]


def _clearest(pairs: _SamplePairs, path: str, word: str) -> tuple[list[Leaf], list[Leaf]]:
    """A leaf before and one now, from the samples in which each side shows best what was lost, or gained."""
    if not pairs:
        return [], []

    def share(sample: Sample | Accepted) -> Fraction | int:
        return right_share(sample.counts.get(path))

    then, today = (max, min) if word == "lost" else (min, max)
    before = then((accepted for _, accepted in pairs), key=share)
    now = today((sample for sample, _ in pairs), key=share)
    return _first(before.leaves.get(path, ())), _first(now.leaves.get(path, ()))


def _in_samples(pairs: _SamplePairs, path: str) -> str:
    """` (right in 1 of 3 samples, 3 before)`; nothing where one sample is compared."""
    if len(pairs) < 2:
        return ""
    now, before = (
        sum(right_share(sample.counts.get(path)) == 1 for sample in side) for side in zip(*pairs, strict=True)
    )
    return f" (right in {now} of {len(pairs)} samples, {before} before)"


def _first(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The leaf that shows it best: a wrong one, where there is one."""
    return sorted(leaves, key=lambda leaf: leaf.outcome in RIGHT)[:1]


def _found(leaves: Sequence[Leaf]) -> str:
    """What an answer had there; its outcome where no more is known."""
    return "∅" if not leaves else _show(leaves[0].actual) if _has_values(leaves[0]) else leaves[0].outcome.value


def _has_values(leaf: Leaf) -> bool:
    """Whether its values are known: of an accepted case that is not scored again, only outcomes are."""
    is_null = leaf.outcome in (Outcome.ABSENT_OK, Outcome.INVALID)
    return is_null or leaf.expected is not None or leaf.actual is not None


def fields_table(fields: Mapping[str, FieldSummary], floors: Mapping[str, Floor], width: int) -> str:
    """Field, right/n, accuracy, its 95 % interval, floor and verdict; the flake rate where there are samples."""
    flakes = any(summary.flakes.n_cases for summary in fields.values())
    table = _new_table(("right/n", "accuracy", "95% interval", *(["flake"] if flakes else []), "floor", ""))
    for path, summary in fields.items():
        counts, floor = summary.counts, floors.get(path)
        verdict = judge_field(summary, floor)
        low, high = summary.interval
        table.add_row(
            _escape(printable(path, 60)),
            f"{counts.right}/{counts.n}",
            f"{(counts.accuracy or 0) * 100:.1f}%",
            f"{low * 100:.1f}–{high * 100:.1f}",
            *([_flake_text(summary)] if flakes else []),
            _floor_text(floor) if floor is not None else "",
            verdict.value.upper() if verdict else "",
        )
    return _render(table, width)


def _flake_text(summary: FieldSummary) -> str:
    rate = summary.flakes.rate
    return "" if rate is None else f"{rate * 100:.1f}%"


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
    """How many documents were valid and exact, and how the others ended; of samples, how many there are."""
    samples = [sample for result in results for sample in result.samples]
    n_valid, n_exact = (sum(getattr(sample, name) for sample in samples) for name in ("valid", "exact"))
    counted = count_samples(len(samples), len(results))
    text = documents_text(n_valid, n_exact, Counter(sample.status for sample in samples))
    return text + (f": {counted}" if counted else "")


def documents_text(n_valid: int, n_exact: int, statuses: Mapping[Status, int]) -> str:
    """The same, from counts."""
    n = sum(statuses.values())
    rest = ", ".join(f"{statuses[s]} {s.value}" for s in Status if s is not Status.OK and statuses.get(s))
    return f"documents: {n_valid}/{n} valid, {n_exact}/{n} exact" + (f" ({rest})" if rest else "")


def worst_misses(
    results: Sequence[CaseResult], width: int, *, flag: str | None = "--llm-extract-json", n_lines: int | None = None
) -> list[str]:
    """What went wrong, the cases with most wrong leaves first: expected and actual side by side, a line for each leaf.

    A document without a usable answer is one line; what samples have in common is one line too. After `_MISSES` lines
    the rest is only counted: `n_lines` in all, where `results` are only the worst. `flag` writes all of them, None:
    nothing does.
    """
    lines: list[str] = []
    for result in sorted(results, key=lambda r: (-_wrong_leaves(r), r.id)):
        lines += _case_lines(result, width)
    more = (len(lines) if n_lines is None else n_lines) - _MISSES
    return [*lines[:_MISSES], _more(more, flag)] if more > 0 else lines


def _more(count: int, flag: str | None) -> str:
    return f"  … and {count:,} more" + (f" (all of them: {flag}=PATH)" if flag else "")


def _case_lines(result: CaseResult, width: int) -> list[str]:
    if not result.further:
        return _sample_lines(result.id, result, width)
    counted = f" ({{}} of {len(result.samples)} samples)"
    found = [_sample_lines(result.id, sample, width - len(counted)) for sample in result.samples]
    n_samples = Counter(line for lines in found for line in dict.fromkeys(lines))
    return [line + counted.format(n) for line, n in n_samples.items()]


def _sample_lines(case: str, sample: Sample, width: int) -> list[str]:
    head = f"  {printable(case, 14):14}"
    if sample.status in (Status.REFUSED, Status.TRUNCATED) or (sample.status is Status.INVALID and _is_lost(sample)):
        return [f"{head} {sample.status.value}: {printable(sample.error or '', max(20, width - 30))}"]
    if sample.status not in (Status.OK, Status.INVALID):
        return []
    side = max(12, (width - 40) // 2)
    return [
        f"{head} {printable(path, 16):16} {_miss(leaf, side)}"
        for path, leaves in sample.leaves.items()
        for leaf in leaves
        if leaf.outcome not in RIGHT
    ]


def _miss(leaf: Leaf, side: int) -> str:
    if not _has_values(leaf):
        return leaf.outcome.value
    return f"{printable(_show(leaf.expected), side):{side}} ≠ {printable(_show(leaf.actual), side)}"


def _is_lost(sample: Sample) -> bool:
    """Whether nothing at all was read of the answer."""
    return all(leaf.outcome in (Outcome.MISSING, Outcome.INVALID) for found in sample.leaves.values() for leaf in found)


def advice_lines(results: Sequence[CaseResult]) -> list[str]:
    """What would have matched the misses, a line for each field that one rule explains in good part."""
    return [f"  hint: {printable(path, 60)}: {text}" for path, text in advice(results).items()]


def _wrong_leaves(result: CaseResult) -> int:
    found = (leaf for sample in result.samples for leaves in sample.leaves.values() for leaf in leaves)
    return sum(leaf.outcome not in RIGHT for leaf in found)


def _show(value: Any) -> str:
    if value is None:
        return "∅"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def problem_groups(record: str, problems: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Stale and missing cassettes, a paragraph for each cause; `record` are the arguments that mend them."""
    groups: dict[tuple[Status, str], list[str]] = {}
    hint = next((p["hint"] for p in problems.values() if p.get("hint")), None)
    for case, problem in problems.items():
        change = problem.get("change")
        status = Status(problem["status"])
        cause = change["cause"] if change else (problem["problem"] if status is not Status.MISSING else "")
        if status is Status.MISSING and str(problem["problem"]).startswith("not recorded"):
            cause = problem["problem"]
        if problem["samples"]:
            cause = f"{cause or 'no cassette'}, {problem['samples']}"
        groups.setdefault((status, cause), []).append(case)
    lines: list[str] = []
    for (status, cause), cases in groups.items():
        what = cause or "no cassette"
        lines.append(f"{status.value.upper()}: {printable(what, 400)} ({count_cases(len(cases))}: {_some(cases)})")
        lines += [f"    {printable(line, 200)}" for line in _changed_lines([problems[case] for case in cases])]
        if status is Status.MISSING and hint:
            lines.append(f"    {printable(hint, 400)}")
    if any(status in (Status.STALE, Status.MISSING) for status, _ in groups):
        lines.append(f"    to record: pytest {record}")
    return lines


def _changed_lines(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """What changed in the first of these cases; whether it is the same in all of them is said."""
    changes = [problem["change"]["lines"] for problem in problems if problem.get("change")]
    others = sum(lines != changes[0] for lines in changes)
    return [*changes[0], *([f"… in another way in {count_cases(others)}"] if others else [])] if changes else []


def _some(cases: Sequence[str]) -> str:
    shown = ", ".join(printable(case, 30) for case in cases[:3])
    return shown + (", …" if len(cases) > 3 else "")
