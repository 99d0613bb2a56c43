"""`llm-extract compare`: compare variants of one run, several runs, or scored files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from pytest_llm_extract.cli.output import echo, echo_json
from pytest_llm_extract.comparison.compare import compare_variants, example_cases, primary_of
from pytest_llm_extract.comparison.confirm import USES, Confirmation, confirm, confirmation_lines, note_use
from pytest_llm_extract.errors import ResultsError, UsageError, did_you_mean
from pytest_llm_extract.report.results_json import read_input, read_results
from pytest_llm_extract.report.variants import variants_lines
from pytest_llm_extract.results.suite_result import SuiteResult, variants_of


@click.command(name="compare")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reference", metavar="NAME", help="What the others are held against; default: the first.")
@click.option("--suite", "suite_id", metavar="ID", help="The suite, where the files hold several.")
@click.option("--margin", metavar="POINTS", type=click.FloatRange(0, 100), help="Accuracy that a cheaper one may lose.")
@click.option("--confirm", "confirmed", metavar="NAME", help="Test this one once on the held-out cases alone.")
@click.option("--field", "fields", multiple=True, metavar="PATH", help="With --confirm: test on these fields alone.")
@click.option("--uses", type=click.Path(dir_okay=False, path_type=Path), help="File of the uses of held-out cases.")
@click.option("--alpha", default=0.05, show_default=True, type=click.FloatRange(0, 1, min_open=True, max_open=True))
@click.option("--json", "as_json", is_flag=True, help="Write the comparison as JSON.")
def command(
    files: tuple[Path, ...],
    reference: str | None,
    suite_id: str | None,
    margin: float | None,
    confirmed: str | None,
    fields: tuple[str, ...],
    uses: Path | None,
    alpha: float,
    as_json: bool,
) -> None:
    """Compare what results.json files hold: the variants of one, or one entry for each of several files.

    \b
    Example:
      llm-extract compare results.json
      llm-extract compare main.json branch-a.json branch-b.json --margin 2
      llm-extract compare results.json --confirm few_shot --field vendor

    With several files, each entry has the name of its file, followed by its variant if the file has several. The first
    one is the reference, unless --reference names another.

    Cases with metadata {"split": "holdout"} are left out. They are for one test at the end: --confirm NAME. Each use
    is kept in holdout.jsonl in the folder of cassettes; commit it. A second use prints a warning.

    Exit status: 0 something was compared (or confirmed), 1 nothing could be, 2 an input cannot be read.
    """
    entries = _entries(files, suite_id)
    names = [entry.variant for entry in entries]
    for option, name in (("--reference", reference), ("--confirm", confirmed)):
        if name is not None and name not in names:
            raise ResultsError(option, f"no entry {name!r}.{did_you_mean(name, names)}")
    if fields and confirmed is None:
        raise UsageError("--field", "goes with --confirm: the comparison tests every field")
    if confirmed is not None:
        held_against = reference or primary_of(entries).variant
        if confirmed == held_against:
            raise ResultsError("--confirm", f"{confirmed!r} is what the others are held against")
        tested = confirm(entries, confirmed, held_against, alpha, fields)
        _confirm(tested, uses or Path("cassettes") / USES, as_json=as_json)
    share = None if margin is None else margin / 100
    comparisons = compare_variants(
        entries, alpha=alpha, reference=reference, margin=share, examples=example_cases(entries)
    )
    if as_json:
        echo_json(comparisons)
    else:
        echo(*variants_lines(comparisons, shutil.get_terminal_size().columns))
    raise SystemExit(int(not comparisons.variants))


def _confirm(confirmation: Confirmation, uses: Path, *, as_json: bool) -> NoReturn:
    """Say whether one entry is better on the held-out cases, and write down that they were used."""
    before = note_use(uses, confirmation)
    if as_json:
        echo_json({**confirmation.to_wire(), "uses_before": before})
    else:
        echo(*confirmation_lines(confirmation, before))
    raise SystemExit(int(not confirmation.is_confirmed))


def _entries(files: Sequence[Path], suite_id: str | None) -> list[SuiteResult]:
    """One entry for each variant in the files.

    Raises:
        ResultsError: a file cannot be read, or has several suites and none was named.
    """
    entries: list[SuiteResult] = []
    for path in files:
        chosen = variants_of(read_results(read_input(path), str(path)), suite_id, str(path))
        if len(files) > 1:
            names = [path.stem if len(chosen) == 1 else f"{path.stem}:{suite.variant}" for suite in chosen]
            chosen = [suite._replace(variant=name) for suite, name in zip(chosen, names, strict=True)]
        entries += chosen
    names = [entry.variant for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ResultsError(twice[0], "is the name of two entries: rename one of the files")
    return entries
