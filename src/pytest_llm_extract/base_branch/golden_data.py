"""Golden data against the base branch's: cases that its baseline does not keep."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pytest_llm_extract.dataset.load import expected_by_id
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.wording import count_cases, some_names


def golden_changes(revision: Revision, dataset: Path, accepted: Collection[str]) -> list[JudgeNote]:
    """Notes on cases of the base branch's dataset that have other gold here, or are gone.

    Args:
        revision: the base branch.
        dataset: the file of golden data, relative to the revision's folder.
        accepted: the cases that the baseline keeps, whose gold the gate compares.
    """
    text = revision.read(dataset)
    file = revision.folder / dataset
    if text is None or not file.is_file():
        return []
    before = expected_by_id(text, dataset.suffix)
    after = expected_by_id(file.read_text("utf-8-sig"), dataset.suffix)
    told = [case for case in before if case not in accepted]
    relabelled = [case for case in told if case in after and after[case] != before[case]]
    gone = [case for case in told if case not in after]
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
