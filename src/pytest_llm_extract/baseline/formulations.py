"""Formulations that were recorded: `formulations.jsonl` in the folder of a suite's cassettes, committed with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pytest_llm_extract import clock
from pytest_llm_extract.baseline.paths import shown_path
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import suite_folder
from pytest_llm_extract.errors import BaselineError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.formats.row_files import BAD_ROWS, fault_of_rows, read_rows, rows_to_text
from pytest_llm_extract.results.recipe import Formulation
from pytest_llm_extract.results.suite_result import SuiteResult

FORMULATIONS = "formulations.jsonl"


def tried_before(suite_id: str, today: Collection[str], settings: Settings) -> tuple[Formulation, ...]:
    """The formulations of a suite that were recorded, without those of today and what is nearly one of them.

    Args:
        suite_id: the node id of the suite.
        today: the fingerprints of the prompts of all of its variants.
        settings: of the run.

    Raises:
        BaselineError: the file cannot be read.
    """
    rows = _read(suite_folder(settings.cassettes, suite_id) / FORMULATIONS, settings)
    roots = {row["fingerprint"]: row.get("like", row["fingerprint"]) for row in rows}
    wordings = {row["fingerprint"]: row["wording"] for row in rows if "like" not in row}
    known = {roots[fingerprint] for fingerprint in today if fingerprint in roots}
    worded = {wordings[root] for root in known}
    return tuple(
        Formulation(row["date"], row["variant"], root, None if wordings[root] in worded else wordings[root])
        for row in rows
        if (root := row["fingerprint"]) in wordings and root not in known
    )


def note_formulations(suites: Sequence[SuiteResult], settings: Settings) -> None:
    """Write down the formulations of a suite that are recorded and not in its file yet.

    One with the same examples and nearly the same instructions as an earlier one is written as `like` that.

    Args:
        suites: the variants of one suite, as they ran.
        settings: of the run.

    Raises:
        BaselineError: the file cannot be read or written, or it would hold a secret.
    """
    from pytest_llm_extract.lints.near_duplicates import SAME, similarity

    path = suite_folder(settings.cassettes, suites[0].id) / FORMULATIONS
    rows = list(_read(path, settings))
    n_known = len(rows)
    for suite in suites:
        if suite.prompt is None or suite.recipe is None or not suite.n_recorded:
            continue
        fingerprint, examples = suite.prompt["fingerprint"], suite.recipe.examples_digest
        if any(row["fingerprint"] == fingerprint for row in rows):
            continue
        instructions = suite.recipe.instructions
        near = [row for row in rows if "like" not in row and similarity(row["instructions"], instructions) >= SAME]
        what = {
            "wording": near[0]["wording"] if near else fingerprint,
            "examples": examples,
            "instructions": instructions,
        }
        if same := [row for row in near if row["examples"] == examples]:
            what = {"like": same[0]["fingerprint"]}
        day = clock.utc_now().date().isoformat()
        rows.append({"date": day, "variant": suite.variant, "fingerprint": fingerprint, **what})
    if len(rows) > n_known:
        _write(path, rows, settings)


def _read(path: Path, settings: Settings) -> tuple[dict[str, Any], ...]:
    try:
        rows = read_rows(path)
        _check(rows)
    except BAD_ROWS as error:
        why = f"is not a file of formulations: {fault_of_rows(error)}"
        raise BaselineError(shown_path(path, settings.rootdir), why) from None
    return rows


def _check(rows: Sequence[dict[str, Any]]) -> None:
    whole = {row["fingerprint"] for row in rows if "like" not in row}
    for row in rows:
        for name in ("date", "variant", *(("like",) if "like" in row else ("wording", "examples", "instructions"))):
            row[name].strip()
        if "like" in row and row["like"] not in whole:
            raise KeyError(row["like"])


def _write(path: Path, rows: Sequence[dict[str, Any]], settings: Settings) -> None:
    text = rows_to_text(rows)
    settings.storage.watch.refuse(text, path)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise BaselineError(shown_path(path, settings.rootdir), f"cannot be written: {reason(error)}") from None
