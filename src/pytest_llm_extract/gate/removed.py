"""Find what a run no longer has of the accepted answers. It fails the gate until the baseline drops it."""

from __future__ import annotations

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.suite_result import AcceptedRun, SuiteResult
from pytest_llm_extract.wording import count_cases, some_names

_MEND = "put back, or accept with --llm-extract-accept"


def vanished(suite: SuiteResult, baseline: AcceptedRun) -> list[str]:
    """Cases, fields and labels that are gone without an acceptance."""
    removed, unlabelled = _lost_paths(suite, baseline)
    gone = [case for case in baseline.gone if case not in baseline.dropped]
    fields = [path for path in removed if path not in baseline.dropped_fields]
    labels = [path for path in unlabelled if path not in baseline.dropped_labels]
    reasons = []
    if gone:
        reasons.append(f"{count_cases(len(gone))} of the baseline gone from golden data ({some_names(gone)}): {_MEND}")
    if fields:
        reasons.append(f"fields of the baseline gone from the schema ({some_names(fields)}): {_MEND}")
    if labels:
        reasons.append(f"fields of the baseline that no case labels now ({some_names(labels)}): {_MEND}")
    return reasons


def dropped(suite: SuiteResult, baseline: AcceptedRun) -> list[str]:
    """What another baseline still has although this branch accepted its removal."""
    removed, unlabelled = _lost_paths(suite, baseline)
    fields = [path for path in removed if path in baseline.dropped_fields]
    labels = [path for path in unlabelled if path in baseline.dropped_labels]
    since, notes = f"since {baseline.source}", []
    if baseline.dropped:
        notes.append(f"removed {since}: {_cases(baseline)}")
    if fields:
        notes.append(f"removed from the schema {since}, and accepted: {some_names(fields)}")
    if labels:
        notes.append(f"no longer labelled in any case {since}, and accepted: {some_names(labels)}")
    return notes


def fewer_labels(suite: SuiteResult, baseline: AcceptedRun) -> list[str]:
    """Fields that some cases no longer label and others do: reported only, since wrong labels are taken out, too."""
    elsewhere = {path for paths in _lost_paths(suite, baseline) for path in paths}
    unlabelled: dict[str, list[str]] = {}
    for case in suite.cases:
        for path in no_longer_labelled(case):
            if path not in elsewhere:
                unlabelled.setdefault(path, []).append(case.id)
    shown = [
        f"{path} is no longer labelled in {count_cases(len(cases))} of the baseline ({some_names(cases)})"
        for path, cases in unlabelled.items()
    ]
    return ["; ".join(shown)] if shown else []


def no_longer_labelled(case: CaseResult) -> list[str]:
    """The fields in which a case was scored at acceptance and that today's gold does not label."""
    accepted = case.baseline
    if accepted is None or accepted.origin.gold == case.origin.gold:
        return []
    # Scored again, an answer has no leaf of a field that its case no longer labels.
    return [path for path in accepted.then if path not in accepted.fields]


def _lost_paths(suite: SuiteResult, baseline: AcceptedRun) -> tuple[list[str], list[str]]:
    """Fields that the schema lost, and other ones in which an accepted case was scored and no case is today."""
    removed = [path for path in baseline.fields if path not in suite.paths]
    accepted = [case.baseline for case in suite.cases if case.baseline is not None]
    left = dict.fromkeys(path for one in accepted for path in one.then if path not in removed)
    for one in accepted:
        if not left:
            break
        # Scored again, an answer has no leaf of a field that its case no longer labels.
        for path in one.fields:
            left.pop(path, None)
    return removed, list(left)


def _cases(baseline: AcceptedRun) -> str:
    """The cases that were dropped, with their outcomes then."""
    shown = []
    for case in sorted(baseline.dropped):
        outcomes = ", ".join(f"{path} {'/'.join(counts.to_wire())}" for path, counts in baseline.gone[case].items())
        shown.append(f"{case} ({outcomes})")
    return "; ".join(shown[:5]) + (" …" if len(shown) > 5 else "")
