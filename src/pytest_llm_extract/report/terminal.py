"""All that is said of a suite, as text that fits a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_llm_extract.gate.decide import CANNOT_FAIL, Decision
from pytest_llm_extract.gate.next_steps import next_steps
from pytest_llm_extract.report.misses import advice_lines, worst_misses
from pytest_llm_extract.report.moved import advice_on_lost, comparison_head, moved_cases, status_line
from pytest_llm_extract.report.tables import changes_table, fields_table
from pytest_llm_extract.report.terminal_text import MISSES, fit, printable
from pytest_llm_extract.results.aggregate import Tally
from pytest_llm_extract.results.case_report import CaseNote
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import RIGHT, Status
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases, count_samples, some_names


class Form(NamedTuple):
    """How much is shown, and how.

    Args:
        width: columns of the terminal; tables and lines of cases are never wider.
        verbose: pytest's `-v`, counted: from 1 on more is shown, from 2 on everything; `-q` is -1.
        wraps: whether longer sentences are wrapped; not in a log, where they are searched for.
        record_flag: the flag that records, as this project spells it.
        json_flag: the flag that writes what is only counted here, with a path; None where there is none.
        keeps_requests: False where cassettes hold hashes of requests.
        has_letters: whether pytest has shown a letter for each case.
    """

    width: int
    verbose: int = 0
    wraps: bool = False
    record_flag: str = "--llm-record"
    json_flag: str | None = "-vv, or --llm-extract-json"
    keeps_requests: bool = True
    has_letters: bool = False

    def limit(self, lines: int) -> int | None:
        """How many lines are shown where a run without `-v` shows so many."""
        return None if self.verbose > 1 else lines * 5 if self.verbose > 0 else lines

    def fit(self, lines: Sequence[str], limit: int) -> list[str]:
        """Lines within the terminal and the limit."""
        return fit(lines, self.limit(limit), self.width if self.wraps else None)


def suite_lines(
    suite: SuiteResult,
    decision: Decision,
    notes: Mapping[str, CaseNote],
    form: Form,
    accepted: Sequence[str] = (),
) -> list[str]:
    """Everything about one suite, the verdict first: at most 60 lines without `-v`.

    `notes` says by case id whether it was recorded, and what kept it from a replay; `accepted`: what was accepted.
    """
    results = suite.cases
    problems = {r.id: notes[r.id] for r in results if r.id in notes and notes[r.id].problem}
    lines = form.fit(verdict_lines(suite, decision), 8)
    lines += form.fit(problem_groups(f"{form.record_flag} {suite.id}", problems), 9)
    lines.append(documents_line(results))
    if any(sample.status not in (Status.STALE, Status.MISSING) for sample in suite.samples):
        lines += [*composite_lines(suite), *_answers(suite, decision, form)]
    lines += form.fit(
        [
            *_recorded_lines(notes, form),
            *_left_lines(notes),
            *_unmatched_lines(suite, notes),
            *remarks(suite, decision),
        ],
        8,
    )
    steps = [] if accepted else [f"next: {step}" for step in next_steps(suite, decision, form.record_flag)]
    lines += form.fit([*accepted, *steps], 5)
    has_letters = form.has_letters and not suite.scoring.strict and any(map(_is_imperfect, suite.samples))
    return lines + form.fit(legend(lines, has_letters=has_letters), 2)


def _is_imperfect(sample: Sample) -> bool:
    """Whether an answer has a wrong value, which fails no case by itself."""
    if sample.status in (Status.STALE, Status.MISSING, Status.ERROR):
        return False
    return any(leaf.outcome not in RIGHT for leaves in sample.leaves.values() for leaf in leaves)


def _answers(suite: SuiteResult, decision: Decision, form: Form) -> list[str]:
    """The table, the cases that moved or are wrong, and the hints."""
    results, comparisons, width = suite.cases, decision.comparisons, form.width
    lines = [line for comparison in comparisons for line in status_line(comparison)]
    lines += form.fit([comparison_head(comparisons[0])] if comparisons else [], 3)
    first = comparisons[0] if comparisons else None
    rows = form.limit(10 if len(comparisons) > 1 else 13)
    failed = None if decision.verdict is None else decision.failed_fields
    lines += fields_table(decision.fields, suite.rules.floors, width, first, failed=failed, limit=rows)
    for comparison in comparisons[1:]:
        lines += form.fit([comparison_head(comparison)], 3)
        lines += changes_table(comparison, width, form.limit(3)) if comparison.moved else []
    moved = {path: change for path, change in first.fields.items() if change.lost} if first else {}
    shown = moved_cases(first, results, width, form.json_flag, form.limit(6)) if first else []
    told = [(path, case) for path, change in moved.items() for case in change.lost]
    limit = form.limit(4 if shown else MISSES)
    lines += [*shown, *worst_misses(results, width, flag=form.json_flag, limit=limit, left_out=told)]
    hints = advice_on_lost(moved, results) or advice_lines(results)
    return lines + form.fit(hints, 4)


def _recorded_lines(notes: Mapping[str, CaseNote], form: Form) -> list[str]:
    recorded = sum(note.n_recorded for note in notes.values())
    what = "a cassette holds its document as it is" if form.keeps_requests else "of requests, cassettes hold hashes"
    return [*([f"recorded: {recorded} ({what})"] if recorded else []), *_scrubbed_lines(notes)]


def _scrubbed_lines(notes: Mapping[str, CaseNote]) -> list[str]:
    """What was taken out of documents and answers, which are scored without it."""
    scrubbed = Counter(name for note in notes.values() for name in note.scrubbed)
    names = [f"{name} of {count_cases(n)}" for name, n in sorted(scrubbed.items())]
    return [f"note: cassettes hold REDACTED for {printable(some_names(names), 400)}"] if names else []


def _left_lines(notes: Mapping[str, CaseNote]) -> list[str]:
    """The cases whose test ended at `.output`: what it checks behind that was not checked."""
    left = [case for case, note in notes.items() if note.is_left]
    if not left:
        return []
    return [f"note: {count_cases(len(left))} left at .output, since the answer cannot be used: {_some(left)}"]


def legend(lines: Sequence[str], *, has_letters: bool = False) -> list[str]:
    """What the signs in these lines mean; nothing where there are none.

    `has_letters`: pytest's progress has shown the letter of cases that passed with a wrong field.
    """
    signs = {
        "≠": "expected ≠ actual",
        "∅": "∅ no value",
        "p_adj": "p_adj: p corrected for all fields",
        "LOST": "LOST: p_adj is at most alpha",
    }
    text = "\n".join(lines)
    used = ["~ a case that passed with a wrong field"] if has_letters else []
    used += [words for sign, words in signs.items() if f" {sign}" in text]
    return [f"({'; '.join(used)})"] if used else []


def _unmatched_lines(suite: SuiteResult, notes: Mapping[str, CaseNote]) -> list[str]:
    """Paths of `ignore` that were in no request of any case; a partial run cannot know."""
    if not suite.complete:
        return []
    told = [note.unmatched for note in notes.values() if note.unmatched is not None]
    paths = [path for path in told[0] if all(path in others for others in told)] if told else []
    if not paths:
        return []
    return [f"warning: ignore= names {printable(', '.join(paths), 400)}, which no request has: a typo?"]


def verdict_lines(suite: SuiteResult, decision: Decision) -> list[str]:
    """The gate's verdict, and every reason for it."""
    if not suite.complete:
        return [f"partial run: {len(suite.cases)} of {count_cases(len(suite.dataset_ids))}; gate skipped"]
    if decision.verdict is None:
        return ["gate skipped"]
    cannot_fail = [note for note in decision.notes if note == CANNOT_FAIL]
    reasons = [f"  {printable(text, 400)}" for text in (*decision.reasons, *decision.doubts, *cannot_fail)]
    return [f"gate: {decision.verdict.value}", *reasons]


def remarks(suite: SuiteResult, decision: Decision) -> list[str]:
    """Warnings and notes of a complete run that was gated."""
    if not suite.complete or decision.verdict is None:
        return []
    lines = [f"warning: {printable(text, 400)}" for text in suite.warnings]
    return lines + [f"note: {printable(text, 400)}" for text in decision.notes if text != CANNOT_FAIL]


def documents_line(results: Sequence[CaseResult]) -> str:
    """How many documents were valid and exact, and how the others ended; of samples, how many there are."""
    samples = [sample for result in results for sample in result.samples]
    n_valid, n_exact = (sum(getattr(sample, name) for sample in samples) for name in ("valid", "exact"))
    counted = count_samples(len(samples), len(results))
    text = documents_text(n_valid, n_exact, Counter(sample.status for sample in samples))
    return text + (f": {counted}" if counted else "")


def composite_lines(suite: SuiteResult) -> list[str]:
    """The composite of all fields under the weights of the marker; nothing where it names none."""
    if not suite.weights:
        return []
    value = Tally.of(suite.cases).composite(suite.weights)
    named = some_names(f"{printable(path, 60)} ×{weight:g}" for path, weight in suite.weights.items())
    shown = "nothing to weigh" if value is None else f"{value * 100:.1f}%"
    return [f"composite: {shown} ({named}; other fields ×1)"]


def documents_text(n_valid: int, n_exact: int, statuses: Mapping[Status, int]) -> str:
    """The same, from counts."""
    n = sum(statuses.values())
    rest = ", ".join(f"{statuses[s]} {s.value}" for s in Status if s is not Status.OK and statuses.get(s))
    return f"documents: {n_valid}/{n} valid, {n_exact}/{n} exact" + (f" ({rest})" if rest else "")


def problem_groups(record: str, problems: Mapping[str, CaseNote]) -> list[str]:
    """Stale and missing cassettes, a paragraph for each cause. `record` are pytest's arguments that record them."""
    groups: dict[tuple[Status, str], list[str]] = {}
    hint = next((problem.hint for problem in problems.values() if problem.hint), None)
    for case, problem in problems.items():
        status = Status(problem.status)
        cause = problem.cause or problem.problem or ""
        if status is Status.MISSING and cause.startswith("no cassette"):  # each names its own file
            cause = ""
        if problem.samples:
            cause = f"{cause or 'no cassette'}, {problem.samples}"
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


def _changed_lines(problems: Sequence[CaseNote]) -> list[str]:
    """What changed in the first of these cases, and in how many others something else changed."""
    changes = [problem.lines for problem in problems if problem.cause]
    others = sum(lines != changes[0] for lines in changes)
    return [*changes[0], *([f"… in another way in {count_cases(others)}"] if others else [])] if changes else []


def _some(cases: Sequence[str]) -> str:
    shown = ", ".join(printable(case, 30) for case in cases[:3])
    return shown + (", …" if len(cases) > 3 else "")
