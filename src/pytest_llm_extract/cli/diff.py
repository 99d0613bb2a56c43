"""`llm-extract diff`: what was lost and gained between two results, two baselines or two revisions."""

from __future__ import annotations

from dataclasses import replace
from difflib import unified_diff

import click

from pytest_llm_extract.cli.output import echo, terminal_form
from pytest_llm_extract.cli.sides import read_sides
from pytest_llm_extract.errors import ResultsError, UsageError, did_you_mean
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.terminal import suite_lines
from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Verdict
from pytest_llm_extract.results.recipe import Recipe
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, SuiteResult
from pytest_llm_extract.wording import count_cases, some_names


@click.command(name="diff")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--variants", nargs=2, metavar="OLD NEW", help="Compare two variants; `primary` is a name.")
@click.option("--cassettes", default="cassettes", show_default=True, help="Folder of the baselines in a revision.")
@click.option("--alpha", default=0.05, show_default=True, type=click.FloatRange(0, 1, min_open=True, max_open=True))
def command(before: str, after: str | None, variants: tuple[str, str] | None, cassettes: str, alpha: float) -> None:
    """Compare BEFORE with AFTER, case by case: two results.json, two baseline.jsonl, or two revisions as git:REV.

    \b
    Example:
      llm-extract diff main.json branch.json
      llm-extract diff git:main git:HEAD
      llm-extract diff results.json --variants primary few_shot

    A revision is compared by its accepted answers, with the outcomes of the day on which they were accepted. If its
    cassettes hold other answers, those are scored by the schema and golden data of the work tree, which pytest
    collects; no code of the revision runs. This works for suites with a prompt file. An extractor's code makes its
    answers, so they must be accepted first.

    If a run was partial, the cases that both sides ran are compared. Exit status: 0 nothing was lost beyond noise,
    1 something was, 2 an input cannot be read, or not all of it could be compared.
    """
    if after is None and variants is None:
        raise UsageError("diff", "needs AFTER, or --variants to compare two variants of BEFORE")
    after = after or before
    sides = read_sides(before, after, cassettes)
    old, new = sides.old, sides.new
    if variants is not None:
        old, new = choose_variant(old, variants[0], before), choose_variant(new, variants[1], after)
    shared = [suite_id for suite_id in new if suite_id in old]
    for suite_id in sorted(old.keys() ^ new.keys()):
        echo(f"{suite_id}: only in {before if suite_id in old else after}")
    if not shared and not sides.not_compared:
        raise ResultsError(after, f"has no suite in common with {before}")
    failed = bool(old.keys() - new.keys())
    for suite_id in shared:
        suite = against(new[suite_id], old[suite_id], before, alpha)
        if not suite.cases:
            raise ResultsError(after, f"has no case of {suite_id} in common with {before}")
        decision = decide(suite)
        if old[suite_id].id != suite.id:
            echo(f"{old[suite_id].id} moved to {suite.id}")
        was = old[suite_id].variant
        echo(f"{suite_id} ({suite.variant if was == suite.variant else f'{was} → {suite.variant}'})")
        if variants is not None:
            echo(*_changed_words(old[suite_id], suite))
        if suite_id in sides.scored:
            echo("answers of the cassettes of both, scored by the schema and golden data of the work tree")
        for name, side in ((before, old[suite_id]), (after, new[suite_id])):
            if not side.complete:
                echo(f"{name} is a partial run: {len(side.cases)} of {count_cases(len(side.dataset_ids))}")
        echo(*suite_lines(suite, decision, {}, terminal_form(None)))
        failed = failed or decision.verdict is Verdict.FAIL
    echo(*(f"not compared: {line}" for line in sides.not_compared), err=True)
    raise SystemExit(1 if failed else 2 if sides.not_compared else 0)


def choose_variant(side: dict[str, SuiteResult], variant: str, name: str) -> dict[str, SuiteResult]:
    """Choose one variant of each suite; `primary` is a name of what the marker says.

    Raises:
        ResultsError: no suite has such a variant.
    """
    chosen = {
        suite.id: suite
        for suite in side.values()
        if suite.variant == variant or (variant == "primary" and suite.is_primary)
    }
    if not chosen:
        known = {suite.variant for suite in side.values()}
        raise ResultsError(name, f"has no variant {variant!r}.{did_you_mean(variant, known)}")
    return chosen


def _changed_words(old: SuiteResult, new: SuiteResult) -> list[str]:
    """What two variants ask differently: the lines of their instructions, then model, examples and the rest."""
    if old.recipe is None or new.recipe is None:
        return []
    before, after = (suite.recipe.instructions.splitlines() for suite in (old, new) if suite.recipe)
    changed = [line for line in unified_diff(before, after, lineterm="", n=0) if line[:2] not in ("--", "++", "@@")]
    asked = [(name, was, now) for (name, was), (_, now) in zip(_asked(old), _asked(new), strict=True) if was != now]
    return [
        *(["prompt:", *(f"  {line}" for line in changed)] if changed else []),
        *(f"{name}: {was} → {now}" for name, was, now in asked),
    ]


def _asked(suite: SuiteResult) -> list[tuple[str, str]]:
    """How a variant asks beside its instructions."""
    recipe = suite.recipe or Recipe("")
    named = some_names(example.id or "one without an id" for example in recipe.examples)
    return [
        ("model", suite.model or "none"),
        ("examples", "of each case its own" if recipe.has_own_examples else named or "none"),
        ("passages", "retrieved" if recipe.has_context else "none"),
        ("response format", recipe.response_format or "none"),
        ("parameters", ", ".join(f"{name} {value}" for name, value in recipe.parameters.items()) or "none"),
    ]


def against(new: SuiteResult, old: SuiteResult, source: str, alpha: float) -> SuiteResult:
    """A suite with another run of it as its baseline, without any floor.

    A case that only one side ran is left out, unless the other side's golden data does not have it.
    """
    before, ran = {case.id: _accepted(case) for case in old.cases}, {case.id for case in new.cases}
    left_out = set(old.dataset_ids).difference(before)
    gone = {case.id: case.fields for case in old.cases if case.id not in ran.union(new.dataset_ids)}
    cases = [case for case in new.cases if case.id not in left_out]
    rules = GateRules(alpha=alpha)
    return new._replace(
        dataset_ids=tuple(case.id for case in cases),
        rules=rules,
        is_gated=True,
        warnings=(),
        baseline=AcceptedRun(source, old.paths, gone, judged_by=new._replace(rules=rules).judged_by),
        anchor=None,
        cases=tuple(replace(case, baseline=before.get(case.id), anchor=None) for case in cases),
    )


def _accepted(case: CaseResult) -> Accepted:
    first, *further = (
        Accepted(s.leaves, s.fields, s.origin, s.attempt, status=s.status, rows=s.rows) for s in case.samples
    )
    return first._replace(further=tuple(further), group=case.group)
