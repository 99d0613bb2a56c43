"""What results.json must hold of a whole run of this checkout: the step after the run does not take its word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.paths import BASELINE, suites_by_baseline
from pytest_llm_extract.config.suite_folders import baseline_folder
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.git import head_commit
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases, some_names

Gated = tuple[SuiteResult, Decision]


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
