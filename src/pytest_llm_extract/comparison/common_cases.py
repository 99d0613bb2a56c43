"""What variants are compared on: the cases and fields that all of them have, and what a reader should know of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_llm_extract.dataset.case import is_held_out
from pytest_llm_extract.results.recipe import Formulation
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases, counted, some_names

HELD_OUT = "held out for one test at the end: llm-extract compare --confirm"


def why_incomplete(suite: SuiteResult) -> str | None:
    """The reason why a variant is not compared: some of its cases did not run or are not recorded."""
    n = len(suite.dataset_ids)
    if not suite.complete:
        return f"{len(suite.cases)} of {count_cases(n)} ran"
    return None if suite.n_recorded == n else f"{suite.n_recorded} of {n} recorded"


def common_cases(
    suites: Sequence[SuiteResult], examples: Collection[str]
) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The common cases of all variants, without few-shot examples, and the reasons for leaving out others."""
    shared = set.intersection(*(set(suite.dataset_ids) for suite in suites))
    every = dict.fromkeys(case for suite in suites for case in suite.dataset_ids)
    held = {case.id for suite in suites for case in suite.cases if is_held_out(case.metadata)}
    left_out = {
        "not in every variant": tuple(case for case in every if case not in shared),
        "few-shot example of a variant": tuple(case for case in every if case in shared and case in examples),
        HELD_OUT: tuple(case for case in every if case in shared and case in held and case not in examples),
    }
    kept = [case for case in every if case in shared and case not in examples and case not in held]
    return kept, {why: cases for why, cases in left_out.items() if cases}


def compared_fields(suites: Sequence[SuiteResult]) -> list[str]:
    """The labelled fields that all variants have, without those that the reference waives."""
    waived = {w.field for w in suites[0].rules.waivers if w.field and not w.expired(suites[0].rules.today)}
    shared = set.intersection(*(set(suite.paths) for suite in suites)) - waived
    labelled = {path for suite in suites for case in suite.cases for path in case.counts}
    return [path for path in suites[0].paths if path in shared and path in labelled]


def tried_before(suites: Sequence[SuiteResult]) -> list[Formulation]:
    """Formulations that were recorded before, and are none of these variants."""
    today = {suite.prompt["fingerprint"] for suite in suites if suite.prompt}
    tried = {formulation.fingerprint: formulation for suite in suites for formulation in suite.tried}
    return [formulation for fingerprint, formulation in tried.items() if fingerprint not in today]


def comparison_notes(suites: Sequence[SuiteResult], fields: Sequence[str]) -> tuple[str, ...]:
    """What to know when reading a comparison: fields left out, samples, seeds, formulations of before, few cases."""
    notes = []
    # Rows are compared by their leaves.
    rows = {path for suite in suites for sample in suite.samples for path in sample.rows}
    others = sorted({path for suite in suites for path in suite.paths}.difference(fields, rows))
    if others:
        notes.append(f"not compared, since not every variant has them or no case labels them: {', '.join(others[:8])}")
    counts = {suite.n_samples for suite in suites}
    if len(counts) > 1:
        notes.append(f"variants have {', '.join(map(str, sorted(counts)))} samples of each case: means are compared")
    seeded = [suite.variant for suite in suites if suite.fixed_seed is not None]
    if seeded:
        notes.append(
            f"one seed for all cases ({', '.join(seeded)}): chance is not independent from case to case, differences "
            "look surer than they are; leave `seed` out, or give each case its own"
        )
    if before := tried_before(suites):
        named = some_names(f"{one.variant} of {one.date}" for one in before)
        notes.append(
            f"{counted(len(before), 'formulation')} recorded before ({named}), not part of these tests: the best of "
            'many tries looks better than it is (metadata {"split": "holdout"} keeps cases for one test at the end)'
        )
    small = suites[0]
    if len(small.dataset_ids) < 20:
        notes.append(f"{count_cases(len(small.dataset_ids))} decide little: a difference needs to be large to be seen")
    return tuple(notes)
