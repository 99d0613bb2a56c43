"""`llm-extract merge`: join the shards of a CI matrix, or the totals of a corpus, and judge the whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.paths import BASELINE, suites_by_baseline
from pytest_llm_extract.cli.corpus_report import read_floor_options, report
from pytest_llm_extract.cli.output import echo, terminal_form
from pytest_llm_extract.comparison.compare import compare_suites
from pytest_llm_extract.config.suite_folders import baseline_folder
from pytest_llm_extract.corpus.totals import FORMAT, Totals, TotalsError
from pytest_llm_extract.errors import ResultsError, UsageError
from pytest_llm_extract.gate.decide import Decision, decide, failures
from pytest_llm_extract.git import head_commit
from pytest_llm_extract.lints.lint_report import lint_results, linted_by_runs
from pytest_llm_extract.report.registry import write_report
from pytest_llm_extract.report.results_json import read_input, read_results
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.report.terminal import suite_lines
from pytest_llm_extract.report.variants import variants_lines
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts, Leaves, Status
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.suites.limit_markers import read_floors
from pytest_llm_extract.wording import count_cases, counted, some_names

Gated = tuple[SuiteResult, Decision]
_SHOWN = 10


@click.command(name="merge")
@click.argument("shards", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the merged results.json.")
@click.option("--cassettes", default="cassettes", show_default=True, help="Folder of the baselines.")
@click.option("--floor", "floors", multiple=True, metavar="[FIELD=]SHARE", help="For totals of `score --part`.")
@click.option("--expect", is_flag=True, help="Fail unless the files are what a whole run of this checkout writes.")
def command(
    shards: tuple[Path, ...], output: Path | None, cassettes: str, floors: tuple[str, ...], expect: bool
) -> None:
    """Add up results.json files of one run that was split, and gate the whole as one run would have been.

    \b
    Example:
      pytest --splits 3 --group 1 --llm-extract-json=shard-1.json   (in each of three jobs)
      llm-extract merge shard-*.json -o results.json
      llm-extract merge --expect results.json   (a step of its own, after that of pytest)

    --expect finds runs that were killed or patched: every suite with a baseline must have results of all of its cases,
    of this commit, and the verdicts in the file must be those that its cases give. Without --expect, a suite that has a
    baseline here and is in no shard is only named.

    Totals of `llm-extract score --part K/N` are added up and judged by --floor, as `score` judges the whole. A part
    that is missing, or of other files, another schema or other rules, is an error. A part in two files counts once.

    Exit status: 0 every gate passed (or is inconclusive), 1 a gate failed, cases are in no shard, or the files are not
    what --expect wants, 2 the files are of different runs or cannot be read, 3 (totals only) records do not match.
    """
    texts = {str(path): read_input(path) for path in shards}
    if holds_totals(texts):
        if expect:
            raise UsageError("--expect", "is for results of pytest; totals of a corpus have no baseline")
        raise SystemExit(merge_totals(texts, floors, output))
    if floors:
        raise UsageError("--floor", "is for totals of llm-extract score --part; suites have floors of their own")
    suites = merge(texts)
    judged = [(suite, decide(suite)) for suite in suites]
    gated = [(suite, decision) for suite, decision in judged if suite.is_gated]
    comparisons = compare_suites(suites)
    if output is not None:
        lints = lint_results(linted_by_runs(suites))
        write_report("json", output, run_results(judged, comparisons, Path.cwd(), lints=lints))
    form = terminal_form("--output")
    for suite, decision in gated:
        echo(f"{suite.id} ({suite.variant})")
        echo(*suite_lines(suite, decision, {}, form))
    for comparison in comparisons:
        echo(f"variants of {comparison.suite}", *variants_lines(comparison, form.width))
    problems = unexpected(texts, gated, Path(cassettes)) if expect else []
    for note in () if expect else _in_no_shard([suite.key for suite, _ in gated], Path(cassettes)):
        echo(f"note: {note}")
    echo(*(f"not expected: {problem}" for problem in problems))
    if problems or any(failures(suite, decision) or not suite.complete for suite, decision in gated):
        raise SystemExit(1)


def _in_no_shard(keys: Iterable[str], cassettes: Path) -> list[str]:
    """Suites that no shard has although they have baselines here: lost shards, or suites that were not selected."""
    used = {baseline_folder(cassettes, key) / BASELINE for key in keys}
    baselines = suites_by_baseline(cassettes).items()
    return [f"{key} is in no shard, and has a baseline: {path}" for path, key in baselines if path not in used]


def merge(texts: dict[str, str]) -> list[SuiteResult]:
    """The suites of all shards, variant by variant, with the cases of every shard; `texts` are results.json by name.

    Raises:
        ResultsError: a shard cannot be read, is of another run, or scored a case in another way.
    """
    whole: dict[str, SuiteResult] = {}
    cases: dict[str, dict[str, CaseResult]] = {}
    for name, text in texts.items():
        for suite in read_results(text, name):
            known = whole.setdefault(suite.key, suite._replace(cases=()))
            _check_same_run(known, suite, name)
            for case in suite.cases:
                _add(cases.setdefault(suite.key, {}), case, suite.key, name)
    return [suite.with_cases(cases.get(key, {})) for key, suite in whole.items()]


def _check_same_run(known: SuiteResult, suite: SuiteResult, name: str) -> None:
    # Shards may end on both sides of midnight; a waiver expires for all of them on the day of the first.
    same_day = suite._replace(rules=replace(suite.rules, today=known.rules.today))
    a, b = known.head_to_wire(), same_day.head_to_wire()
    differing = [key for key in a if a[key] != b[key] and key != "line"]
    if differing:
        raise ResultsError(name, f"is a shard of another run: {suite.key} differs in {', '.join(differing)}")


def _add(cases: dict[str, CaseResult], case: CaseResult, suite_id: str, name: str) -> None:
    other = cases.get(case.id)
    if other is None or other.status is Status.SKIPPED:
        cases[case.id] = case
    elif case.status is not Status.SKIPPED and _outcomes(other) != _outcomes(case):
        raise ResultsError(name, f"{suite_id}: case {case.id!r} has another result than in an earlier shard")


def _outcomes(case: CaseResult) -> list[tuple[Status, Leaves, dict[str, FieldCounts]]]:
    return [(sample.status, sample.leaves, sample.rows) for sample in case.samples]


def holds_totals(texts: Mapping[str, str]) -> bool:
    """Whether files hold totals and not results of pytest.

    Raises:
        ResultsError: some do, and some do not.
    """
    holds = {name: f'"{FORMAT}"' in text[:1000] for name, text in texts.items()}
    if len(set(holds.values())) > 1:
        name, other = (next(name for name, is_one in holds.items() if is_one is wanted) for wanted in (True, False))
        raise ResultsError(name, f"holds totals, which do not add up with results of pytest, as {other} holds")
    return all(holds.values())


def merge_totals(texts: Mapping[str, str], floors: tuple[str, ...], output: Path | None) -> int:
    """Add up totals, judge the whole and print it; the exit status is that of `score`.

    Raises:
        ResultsError: totals cannot be read, do not add up, or some are missing.
        UsageError: a floor is wrong.
    """
    written = read_floor_options(floors)
    totals = add_up(texts)
    read_floors(written, "--floor", totals.paths, totals.paths)
    files = totals.scope.files if totals.scope else None
    name, variant = (files.gold, Path(files.predictions).name) if files else (next(iter(texts)), "predictions")
    added = (
        f"{counted(totals.n_cases, 'record')} in {counted(len(totals.parts), 'part')} of {counted(len(texts), 'file')}"
    )
    return report(name, variant, totals, written, output, added, flag="--output")


def add_up(texts: Mapping[str, str]) -> Totals:
    """The totals of all files, by their names. A part that two files hold counts once.

    Raises:
        ResultsError: a file cannot be read, or does not add up with those before it, or parts are missing.
    """
    totals = Totals()
    for name, text in texts.items():
        try:
            totals += Totals.from_json(text)
        except TotalsError as error:
            raise ResultsError(name, str(error)) from None
    if missing := totals.missing:
        listed = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
        last = list(texts)[-1]
        raise ResultsError(last, f"parts that are in no file: {listed}; nothing is judged")
    return totals


def unexpected(texts: Mapping[str, str], gated: Sequence[Gated], cassettes: Path) -> list[str]:
    """Why these results are not those of a whole run of this checkout; empty where they are.

    `texts` holds each results.json by its file name, `gated` their suites with what the gate decides of them now.
    """
    return [*_of_files(texts, gated), *_of_suites(gated, cassettes)]


def _of_files(texts: Mapping[str, str], gated: Sequence[Gated]) -> Iterator[str]:
    here = head_commit(Path.cwd())
    now = {suite.key: decision.verdict and decision.verdict.value for suite, decision in gated}
    for name, text in texts.items():
        data = json.loads(text)
        commit = data["run"].get("commit")
        if here is not None and commit != here:
            yield f"{name} is of commit {str(commit)[:10]}, not of {here[:10]}, which is checked out"
        if len(texts) > 1:
            continue  # a shard alone has another verdict than the whole
        for wire in data["suites"]:
            suite = SuiteResult.from_wire({**wire, "cases": []})
            if suite.is_gated and wire.get("verdict") != now[suite.key]:
                yield f"{suite.key}: {name} says {wire.get('verdict')}, its cases give {now[suite.key]}"


def _of_suites(gated: Sequence[Gated], cassettes: Path) -> Iterator[str]:
    suites = {baseline_folder(cassettes, suite.key) / BASELINE: (suite, decision) for suite, decision in gated}
    for path, key in suites_by_baseline(cassettes).items():
        if path not in suites:
            yield f"{key} has a baseline ({path}) and no results"
            continue
        suite, decision = suites[path]
        if decision.verdict is None:
            yield f"{key} has no verdict: {len(suite.cases)} of {count_cases(len(suite.dataset_ids))} have results"
        elif (baseline := files.load(path, str(path))) is not None:
            yield from _against(suite, baseline, path)


def _against(suite: SuiteResult, baseline: Baseline, path: Path) -> Iterator[str]:
    if suite.baseline is None:
        yield f"{suite.key} was not compared, although {path} is there"
        return
    known = {*suite.dataset_ids, *suite.baseline.gone}
    if lacking := [case for case in baseline.entries if case not in known]:
        yield f"{suite.key}: {count_cases(len(lacking))} of {path} are not in the results ({some_names(lacking)})"
    unpaired = [case.id for case in suite.cases if case.baseline is None and case.id in baseline.entries]
    if unpaired and not suite.baseline.source.startswith("git:"):
        yield f"{suite.key}: {count_cases(len(unpaired))} of {path} were not compared ({some_names(unpaired)})"
