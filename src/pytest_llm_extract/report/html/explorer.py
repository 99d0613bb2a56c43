"""The data of the script: an index of all cases, and chunks of 100 cases that are opened when they are looked at."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.regression import Comparison
from pytest_llm_extract.report.html.sources import Sources
from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.aggregate import group_name
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome
from pytest_llm_extract.results.prices import cost_of_models_usd
from pytest_llm_extract.results.suite_result import SuiteResult

CHUNK = 100  # cases
_MOST_GROUPS = 50  # values of one metadata key that can be chosen from
LETTERS = {
    Outcome.CORRECT: "c",
    Outcome.ABSENT_OK: "a",
    Outcome.WRONG: "w",
    Outcome.MISSING: "m",
    Outcome.SPURIOUS: "s",
    Outcome.INVALID: "i",
}
_WORST = "iwsmca"  # what a cell shows of several leaves


class Block(NamedTuple):
    """Data in the page that no browser runs; `text` is JSON, compressed and in base64."""

    name: str
    text: str


def compressed(name: str, value: Any) -> Block:
    """A value as a block."""
    data = json.dumps(value, separators=(",", ":")).encode()
    return Block(name, base64.b64encode(gzip.compress(data, 6, mtime=0)).decode())


def index_of(suite: SuiteResult, decision: Decision, number: int) -> dict[str, Any]:
    """What the list, the filters and the heat map need of a variant; a letter for each case and field."""
    fields = list(decision.fields)
    return {
        "name": suite.variant,
        "number": number,
        "fields": fields,
        "ids": [case.id for case in suite.cases],
        "status": [case.status.value for case in suite.cases],
        "now": "".join(_cells(case, fields) for case in suite.cases),
        "against": [comparison.against for comparison in decision.comparisons],
        "moves": ["".join(_moved(suite, comparison, fields)) for comparison in decision.comparisons],
        "groups": _groups(suite.cases),
    }


def _cells(case: CaseResult, fields: Sequence[str]) -> str:
    """The worst outcome of each field, in all samples; a dot for one that the case does not label."""
    worst: dict[str, str] = {}
    for sample in case.samples:
        for path, counts in sample.fields.items():
            letters = {LETTERS[Outcome(name)] for name in counts.to_wire()}
            letters |= {worst[path]} if path in worst else set()
            if letters:
                worst[path] = min(letters, key=_WORST.index)
    return "".join(worst.get(path, ".") for path in fields)


def _moved(suite: SuiteResult, comparison: Comparison, fields: Sequence[str]) -> Iterator[str]:
    """`-` for a cell that was lost, `+` for a gained one."""
    lost = {path: set(change.lost) for path, change in comparison.fields.items()}
    gained = {path: set(change.gained) for path, change in comparison.fields.items()}
    for case in suite.cases:
        for path in fields:
            yield "-" if case.id in lost.get(path, ()) else "+" if case.id in gained.get(path, ()) else "."


def _groups(cases: Sequence[CaseResult]) -> dict[str, dict[str, Any]]:
    """What cases can be chosen by: their group, and metadata that several of them share."""
    values: dict[str, list[str | None]] = {"group": [case.group for case in cases]}
    for key in dict.fromkeys(key for case in cases for key in case.metadata):
        values.setdefault(key, [_group_name(case.metadata.get(key)) for case in cases])
    groups = {}
    for key, of in values.items():
        names = sorted({name for name in of if name is not None})
        if 0 < len(names) <= _MOST_GROUPS and len(names) < len(cases):
            at = {name: number for number, name in enumerate(names)}
            groups[key] = {"names": names, "of": [-1 if name is None else at[name] for name in of]}
    return groups


def _group_name(value: Any) -> str | None:
    return None if value is None or isinstance(value, list | dict) else group_name(value)


def chunks_of(suite: SuiteResult, decision: Decision, number: int, sources: Sources) -> Iterable[Block]:
    """The cases of a variant, a hundred in each block."""
    against = [comparison.against for comparison in decision.comparisons]
    for start in range(0, len(suite.cases), CHUNK):
        cases = suite.cases[start : start + CHUNK]
        yield compressed(f"chunk-{number}-{start // CHUNK}", [_case(case, against, sources) for case in cases])


def _case(case: CaseResult, against: Sequence[str], sources: Sources) -> dict[str, Any]:
    described = {
        "input": case.input,
        "passages": case.passages,
        "file": sources.document_file(case),
        "group": case.group,
        "metadata": case.metadata,
        "samples": [_sample(sample, case.input, sources) for sample in case.samples],
        "before": [[_leaves(one.leaves) for one in accepted] for accepted in _accepted(case, against)],
    }
    return {key: value for key, value in described.items() if value not in (None, [], {})}


def _accepted(case: CaseResult, against: Sequence[str]) -> list[tuple[Accepted, ...]]:
    """The accepted samples of each comparison, in their order; without one, those that there are."""
    accepted = {"baseline": case.baseline, "anchor": case.anchor}
    kept = [accepted.get(name) for name in against] if against else [case.baseline or case.anchor]
    return [one.samples if one else () for one in kept] if any(kept) else []


def _sample(sample: Sample, document: Any, sources: Sources) -> dict[str, Any]:
    described = {
        "status": sample.status.value,
        "error": sample.error,
        "raw": sample.raw,
        "model": sample.model,
        "tokens": [sample.usage.input_tokens, sample.usage.output_tokens] if sample.by_model else None,
        "cost": cost_of_models_usd(sample.by_model, sample.origin.via) if sample.by_model else None,
        "latency": sample.latency_s,
        "attempt": sample.attempt if sample.attempt > 1 else None,
        "cassette": sample.cassette,
        "explanation": list(sample.explanation),
        "fields": _leaves(sample.leaves),
        "requests": sources.requests(sample, document),
    }
    return {key: value for key, value in described.items() if value not in (None, [], {})}


def _leaves(leaves: Leaves) -> dict[str, list[list[Any]]]:
    return {path: [_leaf(leaf) for leaf in found] for path, found in leaves.items()}


def _leaf(leaf: Leaf) -> list[Any]:
    """Letter, expected, actual and hint; what is empty at the end is left out."""
    cells = [LETTERS[leaf.outcome], leaf.expected, leaf.actual, leaf.hint]
    while cells[-1] is None:
        cells.pop()
    return cells
