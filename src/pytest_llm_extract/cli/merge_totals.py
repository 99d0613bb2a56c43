"""`llm-extract merge` of totals: those of `llm-extract score --part`, or of an engine that maps `score_partition`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_llm_extract.cli.corpus_report import read_floor_options, report
from pytest_llm_extract.corpus.totals import FORMAT, Totals, TotalsError
from pytest_llm_extract.errors import ResultsError, UsageError
from pytest_llm_extract.suites.limit_markers import read_floors
from pytest_llm_extract.wording import counted

_SHOWN = 10


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


def refuse_floors(floors: tuple[str, ...]) -> None:
    """Refuse floors for results of pytest.

    Raises:
        UsageError: there are any.
    """
    if floors:
        raise UsageError("--floor", "is for totals of llm-extract score --part; suites have floors of their own")
