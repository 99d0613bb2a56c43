"""`llm-extract audit`: what a branch changed about its own judge, without running a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pytest_llm_extract.base_branch.branch import Branch
from pytest_llm_extract.baseline.paths import BASELINE, suite_of_header
from pytest_llm_extract.cli.collected import Collected, collect
from pytest_llm_extract.cli.output import echo, echo_json
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.gate.judge import judge_notes
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.accepted import Origin
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wording import count_cases


@click.command(name="audit")
@click.argument("revision", metavar="git:REV")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--json", "as_data", is_flag=True, help="Print the notes as JSON.")
def command(revision: str, paths: tuple[str, ...], as_data: bool) -> None:
    """List what this branch changed about its own judge since it left git:REV, without running a test.

    \b
    Example:
      llm-extract audit git:origin/main

    It looks at floors, budgets, waivers, rules, validators, groups, samples, gold, cases that are gone or there twice,
    skip and xfail markers, deselected cases, suites that are gone, settings of pytest, conftest.py files, files of CI,
    baselines and cassettes that were edited or recorded again, and fields that can hardly fail. PATHS are the tests
    to collect, as for pytest.

    Exit status: 0 nothing changed, 1 something did, 2 wrong arguments, no such revision, or pytest does not start.
    """
    if not revision.startswith("git:"):
        raise UsageError(revision, "must be a revision such as git:origin/main")
    collected = collect(paths, flags=[f"--llm-extract-baseline={revision}"])
    base = Revision.branched_from(revision.removeprefix("git:"), collected.settings.rootdir)
    notes = find_notes(collected, base, whole=not paths)
    if as_data:
        echo_json(notes)
    else:
        _print(notes, base)
    echo(*(f"not collected: {line}" for line in collected.errors), err=True)
    changed = any(note.is_change for notes_of_one in notes.values() for note in notes_of_one)
    raise SystemExit(int(changed or bool(collected.errors)))


def _print(notes: dict[str, list[JudgeNote]], base: Revision) -> None:
    for key, notes_of_one in notes.items():
        if notes_of_one:
            echo(key or "for every suite", *(f"  {note}" for note in notes_of_one))
    if not any(notes.values()):
        echo(f"nothing changed about the judge since {base}")


def find_notes(collected: Collected, base: Revision, *, whole: bool) -> dict[str, list[JudgeNote]]:
    """The notes by suite; under `""` those that hold for every suite.

    `base` is where this branch left the base branch. `whole` says that all suites were asked for, so that those which
    were not collected are gone.
    """
    branch = Branch(base, collected.settings)
    notes = {"": [*branch.of_all]}
    for suite in collected.suites:
        if suite.is_gated:
            result = _as_result(suite)
            accepted = {case.id for case in result.cases if case.baseline is not None}
            notes[suite.key] = [*judge_notes(result)]
            notes[suite.key] += branch.of_suite(suite.key, result.dataset, accepted, shared=False)
            notes[suite.key] += _deselected(suite, collected)
    notes[""] += _gone(collected, base) if whole else []
    return notes


def _as_result(suite: Suite) -> SuiteResult:
    """The suite as if nothing of it had run."""
    cases = {}
    for golden in suite.cases:
        case, (baseline, _) = golden.case, suite.accepted.entries(golden.case.id)
        cases[case.id] = CaseResult(
            Status.SKIPPED,
            {},
            False,
            case.id,
            case.group,
            as_json(case.shown_input),
            baseline=baseline.as_then() if baseline else None,
            origin=Origin(gold=golden.gold_hash, document=golden.document_hash),
        )
    return suite.head.with_cases(cases)


def _deselected(suite: Suite, collected: Collected) -> Iterator[JudgeNote]:
    n_left_out = len(suite.cases) - collected.n_selected.get(suite.key, 0)
    if n_left_out:
        what = f"{count_cases(n_left_out)} of {len(suite.cases)} are deselected by options or by a hook"
        yield JudgeNote("deselected", what)


def _gone(collected: Collected, base: Revision) -> list[JudgeNote]:
    """Suites that have a baseline on the base branch, and are not collected here."""
    accepted = [suite.accepted for suite in collected.suites]
    used = {source for one in accepted for source in one.sources.values()}
    keys = {suite.key for suite in collected.suites}
    return [
        JudgeNote("suite", f"{suite} of the base branch is not collected here ({path.as_posix()})")
        for path, suite in _suites(base.files(".", BASELINE), base)
        if suite not in keys and base.named(path) not in used
    ]


def _suites(paths: Sequence[Path], base: Revision) -> Iterator[tuple[Path, str]]:
    for path in paths:
        suite = suite_of_header(base.read(path) or "")
        if suite is not None:
            yield path, suite
