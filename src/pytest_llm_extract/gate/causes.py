"""Name what changed since the accepted run. Causes that changed together are not separated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_llm_extract.gate.removed import no_longer_labelled
from pytest_llm_extract.results.accepted import Accepted, Origin, request_parts
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import ANSWERED, add_by_path
from pytest_llm_extract.wording import count_cases, percent, some_names

_WORDS = {
    "prompt": "prompt",
    "schema": "schema",
    "parameters": "parameters",
    "model": "model asked for",
    "answered": "model that answered",
    "via": "batch or live answer",
}
_ORDER = ("prompt", "system prompt", "messages", "schema", "parameters", *[*_WORDS.values()][-3:])
_LABELS = {"gold": "gold", "scoring": "scoring rules"}
_Paired = Sequence[tuple[CaseResult, Accepted]]


def describe_causes(cases: Iterable[CaseResult], ignored: Sequence[str] = ()) -> list[str]:
    """One line for what changed in the requests, one for gold and one for scoring rules, one for new recordings.

    `ignored` are the paths that requests are compared without.
    """
    # A case that crashed says nothing about causes.
    paired = [(case, case.baseline) for case in cases if case.baseline is not None and case.status in ANSWERED]
    if not paired:
        return []
    return [*_requests(paired, ignored), *_labels(paired), *_recorded_again(paired)]


def mixed_ways(samples: Iterable[Sample]) -> list[str]:
    """Note answers of which some came in a batch and some live: that may be why they differ."""
    ways = Counter(sample.origin.via or "live" for sample in samples if sample.status in ANSWERED)
    counted = ", ".join(f"{count:,} {way}" for way, count in sorted(ways.items()))
    return [f"the answers came in different ways: {counted}; a provider may serve batches otherwise"] * (len(ways) > 1)


def _requests(paired: _Paired, ignored: Sequence[str]) -> list[str]:
    if not any(getattr(side.origin, name) for name in _WORDS for pair in paired for side in pair):
        return []
    counts = Counter(words for case, old in paired for words in _differing(case, old))
    changed = {words: f"{words} ({count_cases(counts[words])})" for words in _ORDER if words in counts}
    if not changed:
        without = f", compared without {some_names(ignored)}" if ignored else ""
        return [f"no request changed since the baseline{without}"]
    line = f"changed since the baseline: {', '.join(changed.values())}"
    return [line + ("; their effects are not separable" if len(changed) > 1 else "")]


def _differing(case: CaseResult, old: Accepted) -> set[str]:
    """What differs between some sample that has an answer and the accepted one: prompt, model, …"""
    return {
        words
        for sample, accepted in case.paired(old)
        if sample.status in ANSWERED
        for words in _between(sample.origin, accepted.origin)
    }


def _between(now: Origin, then: Origin) -> set[str]:
    """By the newest split of requests that both have; the hash of a prompt file stands for what it is filled with."""
    old, new = request_parts(then.request), request_parts(now.request)
    if not old or not new:
        return {words for name, words in _WORDS.items() if getattr(now, name) != getattr(then, name)}
    names = ["model", "answered", "via", *([] if "system prompt" in new and "system prompt" in old else ["prompt"])]
    differing = {_WORDS[name] for name in names if getattr(now, name) != getattr(then, name)}
    return differing | {name for name in new if name in old and new[name] != old[name]}


def _labels(paired: _Paired) -> list[str]:
    """Changes of gold and scoring rules, which move both sides, since the baseline is scored again."""
    changed = [_changed_labels(*pair) for pair in paired]
    lines = []
    for names in (("gold",), ("scoring",), ("gold", "scoring")):
        touched = [pair for pair, differing in zip(paired, changed, strict=True) if differing == names]
        if not touched:
            continue
        moved = _moved([(old, differing == names) for pair, differing in zip(paired, changed, strict=True)
                        for _, old in pair[0].paired(pair[1])])  # fmt: skip
        effect = f", which moved {', '.join(moved)} on both sides" if moved else ""
        if not moved and not any(no_longer_labelled(case) for case, _ in touched):
            effect = ", which moved nothing"
        lines.append(f"{' and '.join(_LABELS[name] for name in names)} changed in {count_cases(len(touched))}{effect}")
    return lines


def _moved(samples: Sequence[tuple[Accepted, bool]]) -> list[str]:
    """The fields that some samples, those with True, moved from how they were scored then to how they are today."""
    before = add_by_path(old.then for old, _ in samples)
    after = add_by_path(old.fields if is_touched else old.then for old, is_touched in samples)
    rates = [(path, before[path].accuracy, after[path].accuracy) for path in before if path in after]
    return [
        f"{path} from {percent(then)} to {percent(now)}"
        for path, then, now in rates
        if then is not None and now is not None and then != now
    ]


def _changed_labels(case: CaseResult, old: Accepted) -> tuple[str, ...]:
    return tuple(name for name in _LABELS if getattr(case.origin, name) != getattr(old.origin, name))


def _recorded_again(paired: _Paired) -> list[str]:
    """Cases recorded again with an unchanged request: choosing among answers biases every comparison."""
    again = [
        case.id if number == 1 else f"{case.id} (sample {number})"
        for case, old in paired
        for number, (sample, accepted) in enumerate(case.paired(old), start=1)
        if sample.attempt > accepted.attempt
    ]
    return [f"recorded again under an unchanged request: {some_names(again)}"] if again else []
