"""The verdict of a suite, with every reason for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from pytest_llm_extract.formats.fences import is_fenced
from pytest_llm_extract.gate.causes import describe_causes, mixed_ways
from pytest_llm_extract.gate.floors import judge_field, missed_documents, missed_floors, strict_floors
from pytest_llm_extract.gate.judge import JudgedBefore, as_judged_before, judge_notes
from pytest_llm_extract.gate.regression import Comparison, FieldChange, compare_runs, count_statuses, pair
from pytest_llm_extract.gate.removed import dropped, fewer_labels, vanished
from pytest_llm_extract.results.aggregate import FieldSummary, count_flakes, summarize
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.results.outcome import Status, Verdict
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.wording import count_cases, counted, percent, percents_apart, some_names

_MIN_GROUPS = 5
CANNOT_FAIL = "nothing can fail this gate: it has no floor (llm_accuracy, llm_documents) and nothing to compare with"
_NO_BASELINE = "no baseline yet: pytest --llm-extract-accept makes this run's answers the baseline"


class Decision(NamedTuple):
    """What a gate decided: `reasons` fail it, `doubts` make it inconclusive, `notes` only inform.

    `failed_fields` are the fields that some reason is about.

    `judge` is what a reviewer must know of the judge itself; where it changed, `judged_before` is the verdict without
    the changes. Both are among the notes.

    `verdict` is None for a partial run, for a variant without a gate, and for a suite without a baseline that was
    skipped as a whole.
    """

    verdict: Verdict | None
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    fields: dict[str, FieldSummary]
    comparisons: tuple[Comparison, ...] = ()
    judge: tuple[JudgeNote, ...] = ()
    judged_before: JudgedBefore | None = None
    failed_fields: frozenset[str] = frozenset()

    def field_verdict(self, path: str, floor: Floor | None) -> Verdict | None:
        """Whether a field fails, for whatever reason; None where it was not judged, or has no limit."""
        if self.verdict is None:
            return None
        return Verdict.FAIL if path in self.failed_fields else judge_field(self.fields[path], floor)

    def once_accepted(self) -> Decision:
        """The decision on a run that has just become the baseline."""
        return self._replace(notes=tuple(note for note in self.notes if note not in (_NO_BASELINE, CANNOT_FAIL)))


def decide(suite: SuiteResult) -> Decision:
    """Judge a suite. A partial run, and a variant without a gate, are only summarized."""
    if not suite.is_gated or not suite.complete or _is_left_out(suite):
        return summarize_only(suite)
    if unrecorded := _unrecorded(suite.samples):
        return summarize_only(suite)._replace(verdict=Verdict.FAIL, reasons=unrecorded)
    judged, judge = _judge(suite), judge_notes(suite)
    before = _judged_before(suite, judged) if any(note.is_change for note in judge) else None
    said = [*map(str, judge), *([str(before)] if before else [])]
    cannot_fail = [] if judged.reasons or _can_fail(suite) else [CANNOT_FAIL]
    notes = (*said, *judged.notes, *cannot_fail, *_notes(suite, judged.fields, judged.comparisons))
    return judged._replace(notes=notes, judge=judge, judged_before=before)


def _judge(suite: SuiteResult) -> Decision:
    """The decision, with no notes but those on waivers."""
    fields = summarize(suite.paths, suite.cases)
    comparisons = _comparisons(suite, fields)
    reasons, waived, failed = _reasons(suite, fields, comparisons)
    doubts = [] if reasons else _doubts(suite, comparisons)
    verdict, notes = _verdict(reasons, doubts), tuple(waived)
    return Decision(verdict, tuple(reasons), tuple(doubts), notes, fields, comparisons, failed_fields=failed)


def _verdict(reasons: Sequence[str], doubts: Sequence[str]) -> Verdict:
    return Verdict.FAIL if reasons else Verdict.INCONCLUSIVE if doubts else Verdict.PASS


def _judged_before(suite: SuiteResult, today: Decision) -> JudgedBefore | None:
    """The verdict under the judge that the baseline knew; None where that has no case of today."""
    before = as_judged_before(suite)
    if before is None or not before.cases:
        return None
    then = _judge(before)
    reasons = (*then.reasons, *then.doubts)
    return JudgedBefore(_verdict(then.reasons, then.doubts), reasons, reasons == (*today.reasons, *today.doubts))


def _is_left_out(suite: SuiteResult) -> bool:
    """Whether every case was skipped although nothing was accepted. Else skipping loses all answers."""
    return suite.baseline is None and all(case.status is Status.SKIPPED for case in suite.cases)


def failures(suite: SuiteResult, decision: Decision) -> list[str]:
    """Why a decision fails the build: its reasons, or its doubts where an inconclusive gate is to fail."""
    if decision.verdict is Verdict.INCONCLUSIVE and suite.rules.inconclusive_fails:
        return [f"inconclusive: {doubt}" for doubt in decision.doubts]
    return list(decision.reasons)


def summarize_only(suite: SuiteResult) -> Decision:
    """Rates without a verdict."""
    return Decision(None, (), (), (), summarize(suite.paths, suite.cases))


def _unrecorded(samples: Sequence[Sample]) -> tuple[str, ...]:
    counts = {status: sum(sample.status is status for sample in samples) for status in (Status.STALE, Status.MISSING)}
    return tuple(
        f"{count} of {counted(len(samples), 'cassette')} {status.value}: no verdict without them"
        for status, count in counts.items()
        if count
    )


def _comparisons(suite: SuiteResult, fields: Mapping[str, FieldSummary]) -> tuple[Comparison, ...]:
    """Compare with the baseline, and with the anchor if its answers differ. They share alpha."""
    runs = [("baseline", suite.baseline)]
    if suite.anchor is not None and not suite.anchor.same_as_baseline:
        runs.append(("anchor", suite.anchor))
    waived_fields = {w.field for w in suite.rules.waivers if w.field is not None}
    waived_cases = {w.case for w in suite.rules.waivers if w.case is not None}
    rows = {path for sample in suite.samples for path in sample.rows}
    comparisons = []
    for against, run in runs:
        pairs = pair(suite.cases, against, waived_cases) if run else []
        if run is not None:
            known = [path for path in fields if path in run.fields]
            alpha = suite.rules.alpha / len(runs)
            comparison = compare_runs(
                pairs, known, waived_fields, against=against, source=run.source, alpha=alpha, rows=rows
            )
            comparisons.append(comparison._replace(statuses=count_statuses(suite.cases, against)))
    return tuple(comparisons)


def _reasons(
    suite: SuiteResult, fields: Mapping[str, FieldSummary], comparisons: Sequence[Comparison]
) -> tuple[list[str], list[str], frozenset[str]]:
    """Why the gate fails, what would fail it but is waived, and the fields that failed."""
    reasons, samples = [], suite.samples
    if _has_no_answer(suite):
        reasons.append("no case has an answer")
    valid, exact = (sum(getattr(sample, name) for sample in samples) for name in ("valid", "exact"))
    reasons += missed_documents(valid, exact, len(samples), suite.rules.documents)
    by_field = missed_floors(fields, suite.rules.floors)
    for comparison in comparisons:
        by_field += _regressed(comparison)
    if comparisons and comparisons[0].against == "baseline":
        by_field += _over_budget(suite, comparisons[0])
    waivers = {w.field: w for w in suite.rules.waivers if w.field is not None}
    reasons += [reason for path, reason in by_field if path not in waivers]
    waived = [f"waived: {reason} ({waivers[path].reason})" for path, reason in by_field if path in waivers]
    if suite.baseline is not None:
        reasons += vanished(suite, suite.baseline)
    reasons += [
        f"the waiver of {w.what} ({w.reason}) expired on {w.expires}: remove it, or renew it"
        for w in suite.rules.waivers
        if w.expired(suite.rules.today)
    ]
    failed = frozenset(path for path, _ in by_field if path and path not in waivers)
    return reasons, waived, failed


def _has_no_answer(suite: SuiteResult) -> bool:
    """Whether every answer is lost, of which floors and budgets may say nothing: without a row, a list has no leaf."""
    if _has_floors(suite) or suite.rules.budgets or suite.baseline:
        return all(sample.lost for sample in suite.samples)
    return all(sample.status in (Status.ERROR, Status.SKIPPED) for sample in suite.samples)


def _has_floors(suite: SuiteResult) -> bool:
    """Whether a field has a floor that an answer can miss; a floor of zero cannot be."""
    return any(limit for floor in suite.rules.floors.values() for limit in floor.rates.values())


def _can_fail(suite: SuiteResult) -> bool:
    """Whether any answer could fail the gate; budgets need something to compare with."""
    return bool(_has_floors(suite) or any(suite.rules.documents.values()) or suite.baseline or suite.anchor)


def _regressed(comparison: Comparison) -> list[tuple[str, str]]:
    lost = [(path, _lost(path, comparison.fields[path], comparison)) for path in comparison.failed]
    if not lost and comparison.pooled_p_adj <= comparison.alpha:
        lost.append(
            ("", f"all fields together lost against the {comparison.against} (p_adj {_p(comparison.pooled_p_adj)})")
        )
    return lost


def _lost(path: str, change: FieldChange, comparison: Comparison) -> str:
    lost, n_gained = count_cases(len(change.lost)), len(change.gained)
    return (
        f"{path}: lost {lost} and gained {n_gained} against the {comparison.against} "
        f"(p_adj {_p(change.p_adj or 0.0)}): {some_names(change.lost)}"
    )


def _over_budget(suite: SuiteResult, comparison: Comparison) -> list[tuple[str, str]]:
    reasons = []
    for path, budget in suite.rules.budgets.items():
        change = comparison.fields.get(path)
        if change is None:
            continue
        allowed = 0 if budget.critical else budget.max_lost
        drop = None if budget.max_drop is None else Fraction(str(budget.max_drop))  # exactly as it was written
        if allowed is not None and len(change.lost) > allowed:
            words = "critical: no case may be lost" if budget.critical else f"{allowed} may be"
            reasons.append((path, f"{path}: lost {count_cases(len(change.lost))} ({words}): {some_names(change.lost)}"))
        if drop is not None and (fell := _fell(change)) > drop:
            reasons.append((path, "{}: accuracy fell by {}, {} is allowed".format(path, *percents_apart(fell, drop))))
    return reasons


def _fell(change: FieldChange) -> Fraction:
    if not change.before.n or not change.after.n:
        return Fraction(0)
    return Fraction(change.before.right, change.before.n) - Fraction(change.after.right, change.after.n)


def _doubts(suite: SuiteResult, comparisons: Sequence[Comparison]) -> list[str]:
    doubts = []
    for comparison in comparisons:
        if comparison.n_groups < _MIN_GROUPS:
            n, unit = comparison.n_groups, comparison.unit
            counted = f"{n} paired {unit}s are" if n != 1 else f"1 paired {unit} is"
            doubts.append(f"{counted} too few to tell a regression from noise")
        elif comparison.fell and comparison.smallest_p_adj <= 4 * comparison.alpha:
            enough = comparison.cases_to_decide
            more = f"; about {enough:,} {comparison.unit}s would decide, if this drop is the true one" if enough else ""
            doubts.append(f"{_nearest(comparison)} against the {comparison.against} could be noise{more}")
    models = Counter(sample.model for sample in suite.samples if sample.model is not None)
    if comparisons and len(models) > 1:
        mixed = ", ".join(f"{model} ({count})" for model, count in sorted(models.items()))
        doubts.append(f"the answers come from several models: {mixed}")
    return doubts


def _nearest(comparison: Comparison) -> str:
    path, p_adj = comparison.nearest_field, _p(comparison.smallest_p_adj)
    if path is None:
        return f"all fields together: p_adj {p_adj}: a drop"
    change = comparison.fields[path]
    return f"{path}: lost {len(change.lost)}, gained {len(change.gained)}, p_adj {p_adj}: a drop"


def _notes(suite: SuiteResult, fields: Mapping[str, FieldSummary], comparisons: Sequence[Comparison]) -> list[str]:
    notes = [f"waiver: {w.what} until {w.expires}: {w.reason}" for w in suite.rules.waivers]
    notes += [*strict_floors(fields, suite.rules.floors), *_flakes(suite.cases, fields), *_fences(suite)]
    notes += [*mixed_ways(suite.samples), *_one_seed(suite)]
    if suite.baseline is None:
        return [*notes, suite.no_baseline or _NO_BASELINE]
    notes += [
        *describe_causes(suite.cases, suite.scoring.ignore),
        *fewer_labels(suite, suite.baseline),
        *_unlike_samples(suite.cases),
    ]
    notes += dropped(suite, suite.baseline)
    new = [case.id for case in suite.cases if case.baseline is None]
    if new:
        notes.append(f"{count_cases(len(new))} new: counted in floors, not compared until accepted: {some_names(new)}")
    fresh = [path for path in fields if path not in suite.baseline.fields]
    if fresh:
        notes.append(f"new fields: counted in floors, not compared until accepted: {some_names(fresh)}")
    notes += [line for comparison in comparisons for line in _gains(comparison)]
    notes += [_rest(comparison) for comparison in comparisons if comparison.pooled_p_without_failed is not None]
    return notes + [_power(comparison) for comparison in comparisons if comparison.smallest_loss is not None]


def _gains(comparison: Comparison) -> list[str]:
    """Fields that gained more than noise would; for people, since no gate depends on it."""
    gained = [
        f"{path} +{len(change.gained)} −{len(change.lost)} (p {_p(change.p_gain)})"
        for path, change in comparison.fields.items()
        if change.p_gain <= comparison.alpha
    ]
    return [f"gained against the {comparison.against}, each field tested alone: {some_names(gained)}"] if gained else []


def _fences(suite: SuiteResult) -> list[str]:
    """How many answers were read without their Markdown fence: only a prompt with `strip=` has such."""
    n = sum(is_fenced(sample.raw) and not sample.lost for sample in suite.samples) if suite.prompt else 0
    return [f"a Markdown fence was taken off {n} of {counted(len(suite.samples), 'answer')}"] if n else []


def _one_seed(suite: SuiteResult) -> list[str]:
    """Requests that draw every answer with the same seed: then cases depend on each other."""
    if (seed := suite.fixed_seed) is None:
        return []
    words = "chance is not independent from case to case, and false alarms are more frequent than alpha"
    out = "leave `seed` out" if suite.recipe else "leave `seed` out, or take it from the document"
    return [f"one seed ({seed}) for all cases: {words}; {out} (docs/gate.md)"]


def _flakes(cases: Sequence[CaseResult], fields: Mapping[str, FieldSummary]) -> list[str]:
    """How much the answers to one and the same request differ: what noise alone may move."""
    flaky = sorted((-summary.flakes.n_flaky, path) for path, summary in fields.items() if summary.flakes.n_flaky)
    if not flaky:
        return []
    whole, shown = count_flakes(cases), some_names(f"{path} in {-minus}" for minus, path in flaky)
    expected = f"{float(whole.differing):.1f}".removesuffix(".0")
    return [
        f"the samples disagree in {whole.n_flaky} of {count_cases(whole.n_cases)} ({shown}): "
        f"expect about {expected} to change from one recording to the next from noise alone"
    ]


def _unlike_samples(cases: Iterable[CaseResult]) -> list[str]:
    """Note a baseline with another number of samples, and what is compared then."""
    sides = ((len(case.samples), len(case.baseline.samples)) for case in cases if case.baseline is not None)
    counts = Counter((here, there) for here, there in sides if here != there)
    return [
        f"samples in {count_cases(count)}: {here} here, {there} in the baseline; "
        f"the first {'one is' if min(here, there) == 1 else f'{min(here, there)} are'} compared"
        for (here, there), count in sorted(counts.items())
    ]


def _rest(comparison: Comparison) -> str:
    """What the pooled test says once the failed fields are left out."""
    p = 1.0 if comparison.pooled_p_without_failed is None else comparison.pooled_p_without_failed
    return f"against the {comparison.against}: all fields together, without {some_names(comparison.failed)}: p {_p(p)}"


def _power(comparison: Comparison) -> str:
    counted = f"{comparison.n_groups} {comparison.unit}{'' if comparison.n_groups == 1 else 's'}"
    drop, lost = comparison.visible_drop, comparison.smallest_loss
    line = f"against the {comparison.against}: of {counted}, one field alone fails if it loses {lost} and gains none"
    return line if drop is None else f"{line}; a drop of less than {percent(drop)} is not visible"


def _p(p: float) -> str:
    return f"{p:.3g}"
