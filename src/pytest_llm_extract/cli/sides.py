"""What `llm-extract diff` compares: a results.json, a baseline, or a revision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_llm_extract.base_branch.accepted import not_accepted
from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.paths import BASELINE
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.git import Revision
from pytest_llm_extract.report.results_json import read_input, read_results
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.leaf import Leaf, Leaves
from pytest_llm_extract.results.outcome import Outcome, Status
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.wording import count_cases, some_names


def read_side(name: str, cassettes: str) -> dict[str, SuiteResult]:
    """The suites of a results.json, a baseline or a revision, by id.

    Raises:
        LlmExtractError: there is nothing of that name, or it cannot be read.
    """
    if name.startswith("git:"):
        revision = Revision.of(name.removeprefix("git:"), Path.cwd())
        found = [_read_accepted(revision, path) for path in revision.files(cassettes, BASELINE)]
        if not found:
            raise BaselineError(str(revision), f"has no {BASELINE} below {cassettes}")
        return {baseline.suite: _as_suite(baseline) for baseline in found}
    path = Path(name)
    text = read_input(path)
    if path.suffix == ".jsonl":
        baseline = files.parse(text, name)
        return {baseline.suite: _as_suite(baseline)}
    return {suite.key: suite for suite in read_results(text, name)}


def _read_accepted(revision: Revision, path: Path) -> Baseline:
    """A baseline of a revision, which must hold the answers that its cassettes hold."""
    baseline = files.parse(revision.read(path) or "", revision.named(path))
    others = not_accepted(revision, baseline, path)
    if others:
        raise BaselineError(
            str(revision),
            f"{baseline.suite}: the cassettes of {count_cases(len(others))} hold other answers than the baseline "
            f"({some_names(map(visible, others))}), and only accepted answers are compared: accept them in that "
            "revision, or check it out and compare its answers with pytest --llm-extract-baseline=git:REV",
        )
    return baseline


def _as_suite(baseline: Baseline) -> SuiteResult:
    return SuiteResult(
        id=baseline.suite,
        variant=baseline.variant,
        dataset_ids=tuple(baseline.entries),
        paths=baseline.fields,
        rules=GateRules(),
        n_samples=max((len(entry.samples) for entry in baseline.entries.values()), default=1),
        cases=tuple(map(_as_case, baseline.entries.values())),
    )


def _as_case(entry: Entry) -> CaseResult:
    gold = _json(entry.gold)
    first, *further = (
        CaseResult(
            sample.status,
            _with_values(sample, gold),
            sample.status is Status.OK,
            entry.id,
            origin=sample.origin,
            rows=sample.rows,
        )
        for sample in entry.samples
    )
    return replace(first, group=entry.group, further=tuple(sample.first for sample in further))


def _with_values(entry: Entry, gold: Any) -> Leaves:
    """The leaves of an entry with their values, of fields that are not in a list; the others have outcomes alone."""
    answer = _json(entry.text)
    return {
        path: (_leaf(leaves[0].outcome, _at(gold, path), _at(answer, path)),) if len(leaves) == 1 else leaves
        for path, leaves in entry.leaves.items()
    }


_NEEDED = {  # which of expected and actual a leaf of this outcome has
    Outcome.CORRECT: (True, True),
    Outcome.WRONG: (True, True),
    Outcome.MISSING: (True, False),
    Outcome.SPURIOUS: (False, True),
}


def _leaf(outcome: Outcome, expected: Any, actual: Any) -> Leaf:
    """A leaf with its values, unless they do not fit its outcome, as where an answer names fields by their aliases."""
    fits = _NEEDED.get(outcome) == (expected is not None, actual is not None)
    return Leaf(outcome, expected, actual) if fits else Leaf(outcome)


def _at(value: Any, path: str) -> Any:
    """The value at a field's path; None where there is none, or where it is not a single value."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return None if isinstance(value, dict | list) else value


def _json(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
