"""Report a corpus that was scored from files: table, problems, results.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llm_extract.corpus.partition import BROKEN, BROKEN_GOLD, DUPLICATE, DUPLICATE_GOLD, MISSING, UNKNOWN
from pytest_llm_extract.corpus.totals import Totals
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.floors import missed_floors, strict_floors, trivial_floors
from pytest_llm_extract.report.misses import advice_lines, worst_misses
from pytest_llm_extract.report.results_json import run_to_wire, tally_to_wire
from pytest_llm_extract.report.tables import fields_table
from pytest_llm_extract.report.terminal import Form, documents_text, legend, remarks, verdict_lines
from pytest_llm_extract.results.aggregate import FieldSummary
from pytest_llm_extract.results.outcome import Verdict
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.wording import counted, unknown_keys

_WORDS = {
    BROKEN_GOLD: ("broken record of gold, not scored", "broken records of gold, not scored"),
    DUPLICATE_GOLD: ("repeated id in gold, the first counts", "repeated ids in gold, the first counts"),
    MISSING: ("case without prediction, counted as lost", "cases without prediction, counted as lost"),
    UNKNOWN: ("prediction for no case of gold", "predictions for no case of gold"),
    DUPLICATE: ("repeated prediction, the first counts", "repeated predictions, the first counts"),
    BROKEN: ("broken prediction", "broken predictions"),
}


def judge(totals: Totals, suite: SuiteResult, fields: dict[str, FieldSummary]) -> Decision:
    """Judge a corpus by its floors, as the gate does. Records that do not match fail it too."""
    reasons = [*(why for _, why in missed_floors(fields, suite.rules.floors)), *problem_lines(totals)]
    notes = strict_floors(fields, suite.rules.floors)
    if totals.counts.n_fenced:
        notes.append(
            f"a Markdown fence was taken off {totals.counts.n_fenced:,} of {counted(totals.n_cases, 'answer')}"
        )
    if unknown := unknown_keys(totals.counts.unknown):
        notes.append(unknown)
    if totals.n_cases > len(suite.cases):
        what = "totals and the worst misses only, no list of cases, no groups and no hints"
        notes.append(f"{counted(totals.n_cases, 'case')}: {what}")
    return Decision(Verdict.FAIL if reasons else Verdict.PASS, tuple(reasons), (), tuple(notes), fields)


def corpus_suite(name: str, variant: str, totals: Totals, floors: dict[str, Floor]) -> SuiteResult:
    """The corpus as a suite; it has cases only if all of them were kept."""
    cases = tuple(case for _, case in sorted(totals.examples.cases.items()))
    return SuiteResult(
        id=name,
        variant=variant,
        dataset_ids=tuple(case.id for case in cases),
        paths=totals.paths,
        rules=GateRules(floors=floors),
        warnings=tuple(_trivial(totals.fields(), floors)),
        cases=cases,
    )


def _trivial(fields: Mapping[str, FieldSummary], floors: Mapping[str, Floor]) -> list[str]:
    """Floors that an all-null answer would meet. Fields in lists are left out, since counts do not say."""
    nulls = {}
    for path, summary in fields.items():
        if "[]" not in path and "{}" not in path:
            counts = summary.counts
            nulls[path] = (counts.spurious + counts.absent_ok + counts.invalid, counts.n)
    return trivial_floors(floors, nulls)


def problem_lines(totals: Totals) -> list[str]:
    """How many records have each problem, and where the first of them are."""
    lines = []
    for kind, (one, many) in _WORDS.items():
        if count := totals.counts.problems[kind]:
            first = totals.examples.problems[kind]
            named = "; ".join(what for _, what in first)
            rest = " …" if count > len(first) else ""
            lines.append(f"{count:,} {one if count == 1 else many}: {named}{rest}")
    return lines


def corpus_lines(suite: SuiteResult, decision: Decision, totals: Totals, form: Form) -> list[str]:
    """Verdict, documents, table, worst misses, hints and notes."""
    worst = [result for _, _, result in totals.examples.worst]
    floors, counts = suite.rules.floors, totals.counts
    lines = form.fit(verdict_lines(suite, decision), 12)
    lines.append(documents_text(counts.n_valid, counts.n_exact, counts.statuses))
    lines += fields_table(decision.fields, floors, form.width, failed=decision.failed_fields, limit=form.limit(16))
    flag = form.json_flag if suite.cases else None
    lines += worst_misses(worst, form.width, flag=flag, n_lines=counts.n_misses)
    lines += [*form.fit(advice_lines(suite.cases), 6), *form.fit(remarks(suite, decision), 8)]
    return lines + form.fit(legend(lines), 2)


def corpus_to_wire(suite: SuiteResult, decision: Decision, totals: Totals, folder: Path) -> dict[str, Any]:
    """results.json; counts and rates are of all cases, also of those that are not listed."""
    wire = run_to_wire([(suite, decision)], folder)
    documents = {"valid": totals.counts.n_valid, "exact": totals.counts.n_exact}
    counted = {"n_cases": totals.n_cases, "documents": documents, **tally_to_wire(totals.tally(), suite.weights)}
    wire["suites"][0] |= counted
    return wire
