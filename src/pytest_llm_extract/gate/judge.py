"""What changed about the judge since the baseline: limits, rules, code, groups, gold and cases. All of it is said.

Nobody turns a gate green unnoticed: every difference is a note, and the verdict of the judge that the baseline knew
is shown beside that of today's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.results.outcome import FieldCounts, Verdict, leaves_of_counts
from pytest_llm_extract.results.suite_result import AcceptedRun, JudgedBy, SuiteResult
from pytest_llm_extract.wording import count_cases, percent, some_names

_MISSING = "none"
_LONGEST = 80


class JudgedBefore(NamedTuple):
    """The verdict under the judge that the baseline knew: its limits, groups, gold and cases.

    `is_same`: today's verdict has the same reasons.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    is_same: bool = False

    def __str__(self) -> str:
        if self.is_same and self.reasons:
            return f"verdict without these changes: {self.verdict.value}, for the same reasons"
        said = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"verdict without these changes: {self.verdict.value}{said}"


def judge_notes(suite: SuiteResult) -> tuple[JudgeNote, ...]:
    """What a reviewer must know of a suite's judge: what was found where it was collected, then what changed."""
    if suite.baseline is None:
        return suite.judge_notes
    notes = [*_of_rules(suite, suite.baseline), *_of_cases(suite, suite.baseline)]
    for run, name in ((suite.baseline, "baseline"), (suite.anchor, "anchor")):
        if run is not None and run.is_edited:
            notes.append(JudgeNote(name, f"{name} {run.source} was edited by hand: its checksum does not fit"))
    return (*suite.judge_notes, *notes)


def _of_rules(suite: SuiteResult, baseline: AcceptedRun) -> list[JudgeNote]:
    if baseline.judged_by is None:
        what = f"{baseline.source} does not keep what it was judged by: accept once with this version"
        return [JudgeNote("baseline", what, is_change=False)]
    return list(rule_changes(baseline.judged_by, suite.judged_by))


def rule_changes(then: JudgedBy, now: JudgedBy) -> Iterator[JudgeNote]:
    """Every difference between what answers were judged by then, and are now."""
    before, after = then.to_wire(), now.to_wire()
    for name, (kind, words) in _MAPPINGS.items():
        section = "limits" if name in before["limits"] else "scoring"
        yield from _changed(kind, words, before[section][name], after[section][name])
    old_waivers, new_waivers = ({_canonical(w): w for w in side["limits"]["waivers"]} for side in (before, after))
    for key in new_waivers.keys() - old_waivers.keys():
        yield JudgeNote("waiver", f"a waiver was added: {_waiver(new_waivers[key])}")
    for key in old_waivers.keys() - new_waivers.keys():
        yield JudgeNote("waiver", f"a waiver was taken out: {_waiver(old_waivers[key])}")
    plain = (("limits", "alpha"), ("limits", "inconclusive_fails"), ("scoring", "strict"), ("scoring", "ignore"))
    for section, name in (*plain, ("scoring", "markers")):
        one, other = before[section][name], after[section][name]
        if one != other:
            yield JudgeNote(name, f"{name.replace('_', ' ')}: {_short(one)} → {_short(other)}")
    if then.n_samples != now.n_samples:
        yield JudgeNote("samples", f"samples: {then.n_samples} → {now.n_samples}")


_MAPPINGS = {
    "floors": ("floor", "floor of {}"),
    "documents": ("floor", "least share of {} documents"),
    "budgets": ("budget", "budget of {}"),
    "compare": ("rule", "rule of {}"),
    "code": ("code", "code of {}"),
}


def _changed(kind: str, words: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[JudgeNote]:
    """The entries that differ; those with the same change share one note."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if one != other:
            grouped.setdefault((_limit(kind, one), _limit(kind, other)), []).append(name)
    for (one, other), names in grouped.items():
        what = words.format(some_names(name or "the top level" for name in names))
        how = "changed" if kind == "code" and _MISSING not in (one, other) else f"{one} → {other}"
        yield JudgeNote(kind, f"{what}: {how}")


def _limit(kind: str, value: Any) -> str:
    if value is None:
        return _MISSING
    if kind == "floor":
        rates = value if isinstance(value, Mapping) else {"accuracy": value}
        shown = {name: percent(Fraction(share), 12) for name, share in rates.items()}
        return ", ".join(share if name == "accuracy" else f"{name} {share}" for name, share in shown.items())
    if kind == "budget":
        given = {name: limit for name, limit in value.items() if limit not in (None, False)}
        return ", ".join(f"{name}={limit}" for name, limit in given.items()) or "no limit"
    return _short(value)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _waiver(wire: Mapping[str, Any]) -> str:
    what = f"field {wire['field']}" if wire["field"] is not None else f"case {wire['case']}"
    return f"{what} until {wire['expires']} ({_short(wire['reason'])})"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _of_cases(suite: SuiteResult, baseline: AcceptedRun) -> Iterator[JudgeNote]:
    """Gold, groups, and cases that came, went or are there twice."""
    paired = [(case, case.baseline) for case in suite.cases if case.baseline is not None]
    relabelled = [case.id for case, old in paired if old.origin.gold not in (None, case.origin.gold)]
    rewritten = [case.id for case, old in paired if old.origin.document not in (None, case.origin.document)]
    regrouped = [case.id for case, old in paired if old.group != case.group]
    added = [case for case in suite.cases if case.baseline is None]
    repeats = _repeats(added, suite.cases)
    yield from _about("gold", "gold differs in {}", relabelled)
    yield from _about("document", "the document differs in {}", rewritten)
    yield from _about("group", "groups differ in {}; pairs are grouped as in the baseline", regrouped)
    yield from _about("case", "{} of the baseline removed", sorted(baseline.gone))
    yield from _about("case", "{} new with a document that another case has, counted in floors", repeats)


def _about(kind: str, words: str, cases: list[str]) -> Iterator[JudgeNote]:
    if cases:
        yield JudgeNote(kind, f"{words.format(count_cases(len(cases)))} ({some_names(cases)})", tuple(cases))


def _repeats(added: Sequence[CaseResult], cases: Iterable[CaseResult]) -> list[str]:
    """New cases whose document an earlier case has."""
    if not added:
        return []
    first: dict[str, str] = {}
    for case in sorted(cases, key=lambda case: case.baseline is None):  # those of the baseline first
        first.setdefault(_canonical(case.input), case.id)
    return [case.id for case in added if first[_canonical(case.input)] != case.id]


def as_judged_before(suite: SuiteResult) -> SuiteResult | None:
    """The suite under the judge that its baseline knew: its limits, groups, gold and cases; None without a baseline.

    Rules of comparison and validators are today's, since the baseline does not keep their code.
    """
    baseline = suite.baseline
    if baseline is None:
        return None
    then = baseline.judged_by
    rules = replace(then.limits, today=suite.rules.today) if then else suite.rules
    cases = tuple(_before(case, case.baseline) for case in suite.cases if case.baseline is not None)
    return suite._replace(
        dataset_ids=tuple(case.id for case in cases),
        rules=rules,
        baseline=replace(baseline, dropped=frozenset(), dropped_fields=frozenset(), dropped_labels=frozenset()),
        cases=cases,
    )


def _before(case: CaseResult, old: Accepted) -> CaseResult:
    further = tuple(replace(sample, **_outcomes_before(sample)) for sample in case.further)
    again = replace(case, **_outcomes_before(case))
    return replace(again, group=old.group, further=further, baseline=_accepted_before(old))


def _accepted_before(old: Accepted) -> Accepted:
    further = tuple(_accepted_before(sample) for sample in old.further)
    return old._replace(further=further, **_outcomes_before(old))


def _outcomes_before(sample: Sample | Accepted) -> dict[str, Any]:
    """The leaves and rows under the gold of that day; nothing where that is today's."""
    if sample.old_gold is None:
        return {}
    # The counts are of leaves and rows. A path of rows stays known as one.
    return {"leaves": leaves_of_counts(sample.old_gold), "rows": dict.fromkeys(sample.rows, FieldCounts())}
