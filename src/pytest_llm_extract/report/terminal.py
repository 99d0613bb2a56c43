"""All that is said of a suite, as text that fits a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.report.misses import advice_lines, worst_misses
from pytest_llm_extract.report.moved import comparison_lines
from pytest_llm_extract.report.tables import fields_table
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases, count_samples


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
    lines: list[str] = (
        [fields_table(decision.fields, suite.rules.floors, width)] if decision.fields and answered else []
    )
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
    if suite.complete:
        lines += _unmatched_lines(notes)
    return lines + verdict_lines(suite, decision)


def _unmatched_lines(notes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Paths of `ignore` that were in no request of any case."""
    told = [note["unmatched"] for note in notes.values() if note.get("unmatched") is not None]
    paths = [path for path in told[0] if all(path in others for others in told)] if told else []
    if not paths:
        return []
    return [f"warning: ignore= names {printable(', '.join(paths), 400)}, which no request has: a typo?"]


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
