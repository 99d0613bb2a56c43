"""Baselines and anchors against those of the base branch: accepted again, edited, replaced or gone."""

from __future__ import annotations

from pathlib import Path

from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.find import read_at
from pytest_llm_extract.baseline.paths import ANCHOR, BASELINE
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.wording import count_cases, some_names


def baseline_changes(revision: Revision, folder: Path) -> list[JudgeNote]:
    """Notes on the baseline and the anchor in a folder, which is named relative to the revision's."""
    notes = []
    for name in (BASELINE, ANCHOR):
        path, kind = folder / name, name.partition(".")[0]
        try:
            before = read_at(revision, path)
            after = files.load(revision.folder / path, path.as_posix())
        except BaselineError as error:
            notes.append(JudgeNote(kind, str(error)))
            continue
        if (what := _difference(before, after)) is not None:
            notes.append(JudgeNote(kind, f"{path.as_posix()} {what}"))
    return notes


def _difference(before: Baseline | None, after: Baseline | None) -> str | None:
    if after is None:
        return None if before is None else "was deleted"
    if after.is_edited:
        return "was edited by hand: its checksum does not fit"
    if before is None or before.to_text() == after.to_text():
        return None
    if not after.continues(before):
        return "was written anew: its history does not continue that of the base branch"
    if before.history == after.history:
        return "was edited by hand: no acceptance explains its changes"
    return f"was accepted again{_answers(before, after)}"


def _answers(before: Baseline, after: Baseline) -> str:
    """How many answers to unchanged requests are others now."""
    again = [
        case
        for case, entry in after.entries.items()
        if (old := before.entries.get(case)) is not None
        and entry.fingerprints == old.fingerprints
        and (entry.text, entry.status) != (old.text, old.status)
    ]
    if not again:
        return ""
    return f"; in {count_cases(len(again))} the request is the same and the answer is not ({some_names(again)})"
