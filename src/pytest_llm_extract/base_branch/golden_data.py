"""Golden data against the base branch's: cases that its baseline does not keep."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.dataset.load import expected_by_id
from pytest_llm_extract.formats.text_files import read_text
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.wording import count_cases, some_names


class Gold(NamedTuple):
    """What a dataset expects of each case, by its id: in the base branch, and here."""

    before: dict[str, Any]
    after: dict[str, Any]


def read_gold(revision: Revision, dataset: Path) -> Gold | None:
    """Read a file of golden data, named relative to the revision's folder, there and here; None where one lacks it.

    Raises:
        GitError: the base branch's file cannot be read.
        UnreadableFileError: the file here cannot.
    """
    text, file = revision.read(dataset), revision.folder / dataset
    if text is None or not file.is_file():
        return None
    return Gold(*(expected_by_id(one, dataset.suffix) for one in (text, read_text(file))))


def golden_changes(dataset: Path, gold: Gold, accepted: Collection[str]) -> list[JudgeNote]:
    """Notes on cases of the base branch's dataset that have other gold here, or are gone.

    The gate compares the gold of the `accepted` cases, which the baseline keeps.
    """
    not_kept = [case for case in gold.before if case not in accepted]
    relabelled = [case for case in not_kept if case in gold.after and gold.after[case] != gold.before[case]]
    gone = [case for case in not_kept if case not in gold.after]
    name = dataset.as_posix()
    changes = (
        ("gold", "gold of {} differs from the base branch's {}, whose baseline does not have them ({})", relabelled),
        ("case", "{} of the base branch's {} removed, which its baseline does not have ({})", gone),
    )
    return [
        JudgeNote(kind, words.format(count_cases(len(cases)), name, some_names(cases)), tuple(cases))
        for kind, words, cases in changes
        if cases
    ]
