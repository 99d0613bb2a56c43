"""What `llm-extract diff` compares: a results.json, a baseline, or a revision."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.base_branch.cassettes import not_accepted, read_cassette
from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.paths import BASELINE
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cli.collected import collect
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import suite_folder, variant_folder
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.extraction.job import jobs_of
from pytest_llm_extract.extraction.recorded_answers import is_of_document, score_recorded
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.git import Revision
from pytest_llm_extract.report.results_json import read_input, read_results
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, leaves_of_counts
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wording import count_cases, some_names

_ACCEPT = "accept them in that revision, or check it out and compare with pytest --llm-extract-baseline=git:REV"


class Sides(NamedTuple):
    """Two runs, as suites by their keys.

    `scored` are the suites whose cassettes were read and scored, since nobody accepted their answers. `not_compared`
    has a line for all that could not be compared.
    """

    old: dict[str, SuiteResult]
    new: dict[str, SuiteResult]
    scored: frozenset[str] = frozenset()
    not_compared: tuple[str, ...] = ()


def read_sides(before: str, after: str, cassettes: str) -> Sides:
    """Read two results.json, baselines or revisions.

    Raises:
        LlmExtractError: there is nothing of that name, or it cannot be read.
    """
    if before.startswith("git:") and after.startswith("git:"):
        return _revisions(_revision(before), _revision(after), cassettes)
    return Sides(_read_side(before, cassettes), _read_side(after, cassettes))


def _read_side(name: str, cassettes: str) -> dict[str, SuiteResult]:
    if name.startswith("git:"):
        revision = _revision(name)
        accepted = _accepted(revision, cassettes)
        for key, why in accepted.refused.items():
            raise BaselineError(key, f"{why}: {_ACCEPT}")
        if not accepted.suites:
            raise BaselineError(str(revision), f"has no {BASELINE} below {cassettes}")
        return accepted.suites
    path = Path(name)
    text = read_input(path)
    if path.suffix == ".jsonl":
        baseline = files.parse(text, name)
        return {baseline.suite: _as_suite(baseline)}
    return {suite.key: suite for suite in read_results(text, name)}


def _revision(name: str) -> Revision:
    return Revision.of(name.removeprefix("git:"), Path.cwd())


class _RevisionSuites(NamedTuple):
    """The accepted answers of a revision by suite; `refused` says why those of a suite are not the ones that it has."""

    suites: dict[str, SuiteResult]
    refused: dict[str, str]
    baselines: dict[str, Baseline]

    def as_named_in(self, later: _RevisionSuites) -> _RevisionSuites:
        """Name suites that moved as a later revision does, where one baseline of it continues theirs."""
        names = {}
        for key in later.baselines.keys() - self.baselines.keys():
            gone = [name for name in self.baselines if name not in later.baselines]
            earlier = [name for name in gone if later.baselines[key].continues(self.baselines[name])]
            if len(earlier) == 1:
                names[earlier[0]] = key
        suites = {names.get(name, name): suite for name, suite in self.suites.items()}
        return self._replace(suites=suites, refused={names.get(name, name): why for name, why in self.refused.items()})


def _accepted(revision: Revision, cassettes: str) -> _RevisionSuites:
    suites, refused, baselines = {}, {}, {}
    for path in revision.files(cassettes, BASELINE):
        baseline = files.parse(revision.read(path) or "", revision.named(path))
        baselines[baseline.suite], suites[baseline.suite] = baseline, _as_suite(baseline)
        if others := not_accepted(revision, baseline, path):
            shown = f"{count_cases(len(others))} ({some_names(map(visible, others))})"
            refused[baseline.suite] = f"in {revision} the cassettes of {shown} hold answers that nobody accepted"
    return _RevisionSuites(suites, refused, baselines)


def _revisions(before: Revision, after: Revision, cassettes: str) -> Sides:
    """The accepted answers of both, where those are the ones that they hold; else what their cassettes hold."""
    new = _accepted(after, cassettes)
    old = _accepted(before, cassettes).as_named_in(new)
    refused = {**old.refused, **new.refused}
    changed = _changed_without_baseline(before, after, cassettes)
    if not refused and not changed and old.suites and new.suites:
        return Sides(old.suites, new.suites)
    collected = collect()
    suites = {suite.key: suite for suite in collected.suites if suite.is_gated}
    if not (old.suites or new.suites or collected.suites):
        raise BaselineError(str(before), f"has no {BASELINE} below {cassettes}, and pytest collects no suite here")
    if not (old.suites and new.suites):
        lacking = after if old.suites else before
        refused = dict.fromkeys([*suites, *old.suites, *new.suites], f"{lacking} has no baseline") | refused
    for key, suite in suites.items():
        if not (key in old.suites and key in new.suites) and _folder(suite, collected.settings) in changed:
            refused.setdefault(key, "nobody accepted its answers")
    held: list[dict[str, SuiteResult]] = [dict(old.suites), dict(new.suites)]
    problems = [f"not collected: {error}" for error in collected.errors]
    scored = set()
    for key, why in refused.items():
        for side in held:
            side.pop(key, None)
        if (lines := _unreadable(suites.get(key), key, why)) is None:
            both = [held_answers(suites[key], revision, collected.settings) for revision in (before, after)]
            lines = _uneven(key, both, before, after)
            for side, answers in zip(held, both, strict=True):
                side |= {key: answers.suite} if answers.suite.cases else {}
            scored.add(key)
        problems += lines
    return Sides(held[0], held[1], frozenset(scored), tuple(problems))


def _changed_without_baseline(before: Revision, after: Revision, cassettes: str) -> set[Path]:
    """The folders of suites with cassettes in both revisions, not the same ones, and without a baseline in one."""
    sides = [revision.blobs(cassettes) for revision in (before, after)]
    accepted = set.intersection(*({path.parent for path in side if path.name == BASELINE} for side in sides))
    changed: list[dict[Path, set[tuple[Path, str]]]] = [{}, {}]
    for side, folders in zip(sides, changed, strict=True):
        for path, blob in side.items():
            if path.suffix == ".yaml":
                folders.setdefault(path.parent.parent, set()).add((path, blob))
    old, new = changed
    return {folder for folder in old.keys() & new.keys() if old[folder] != new[folder]} - accepted


def _folder(suite: Suite, settings: Settings) -> Path:
    """The folder of a suite's cassettes, as a revision names it."""
    return Path(os.path.relpath(suite_folder(settings.cassettes, suite.id)))


def _unreadable(suite: Suite | None, key: str, why: str) -> list[str] | None:
    """Why cassettes alone do not say what a suite's answers are; None where they do."""
    if suite is None:
        return [f"{key}: {why}, and the work tree has no such suite to read them with"]
    if suite.call is None:
        return [f"{key}: {why}, and cassettes alone do not say what its extractor makes of them: {_ACCEPT}"]
    return None


def _uneven(key: str, held: list[HeldAnswers], before: Revision, after: Revision) -> list[str]:
    """What one side has and the other does not, so that it is not compared."""
    lines = []
    for revision, answers in zip((before, after), held, strict=True):
        if answers.other_documents:
            n, some = count_cases(len(answers.other_documents)), some_names(map(visible, answers.other_documents))
            lines.append(f"{key}: {revision} answers another document than golden data has today in {n} ({some})")
    ids = [{case.id for case in answers.suite.cases} for answers in held]
    gone = [id_ for id_ in held[0].suite.dataset_ids if id_ in ids[0] - ids[1] - {*held[1].other_documents}]
    if gone:
        n, some = count_cases(len(gone)), some_names(map(visible, gone))
        lines.append(f"{key}: {after} has no cassette of {n} ({some}) that {before} has one of")
    return lines


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
        for path, leaves in leaves_of_counts(entry.outcomes).items()
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


class HeldAnswers(NamedTuple):
    """A suite with the answers of a revision; `other_documents` are cases whose document is another today."""

    suite: SuiteResult
    other_documents: tuple[str, ...]


def held_answers(suite: Suite, revision: Revision, settings: Settings) -> HeldAnswers:
    """Read the cassettes that a revision has of a suite with a prompt file. No code of the revision is run.

    The schema, the gold and the rules are those of the suite, which is of the work tree.

    Raises:
        BaselineError: a cassette is damaged or was edited by hand.
    """
    revision = revision._replace(folder=settings.rootdir)
    recordings = _recordings(suite, revision, settings)
    others = [
        golden.case.id for golden, answers in recordings if not all(is_of_document(one, golden) for one in answers)
    ]
    cases = [score_recorded(suite, golden, answers) for golden, answers in recordings if golden.case.id not in others]
    result = SuiteResult(
        id=suite.id,
        variant=suite.variant,
        dataset_ids=tuple(golden.case.id for golden in suite.cases),
        paths=suite.schema.scored_paths,
        rules=GateRules(),
        n_samples=suite.n_samples,
        is_primary=suite.is_primary,
        cases=tuple(cases),
    )
    return HeldAnswers(result, tuple(others))


def _recordings(suite: Suite, revision: Revision, settings: Settings) -> list[tuple[GoldenCase, list[Recording]]]:
    """The cases that have a cassette for each sample."""
    folder = Path(os.path.relpath(variant_folder(settings.cassettes, suite.id, suite.variant), settings.rootdir))
    blobs = revision.blobs(folder.as_posix())
    wanted = {
        golden.case.id: [folder / job.path(settings).name for job in jobs_of(suite, golden)] for golden in suite.cases
    }
    files = [file for files in wanted.values() if blobs.keys() >= set(files) for file in files]
    contents = dict(zip(files, revision.read_blobs([blobs[file] for file in files]), strict=True))
    return [
        (golden, [_read(revision, file, contents[file]) for file in wanted[golden.case.id]])
        for golden in suite.cases
        if contents.keys() >= set(wanted[golden.case.id])
    ]


def _read(revision: Revision, file: Path, data: bytes | None) -> Recording:
    recording = None if data is None else read_cassette(data)
    if recording is None:
        why = "is not in this partial clone; fetch it first" if data is None else "is damaged or was edited by hand"
        raise BaselineError(revision.named(file), why)
    return recording
