"""All that a branch changed about its judge in files, for a run against git:REV and for `llm-extract audit`."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.base_branch.cassettes import cassette_changes
from pytest_llm_extract.base_branch.configuration import ci_changes, conftest_changes, ini_changes, is_of_ci
from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.find import read_at
from pytest_llm_extract.baseline.paths import ANCHOR, BASELINE, shown_path
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import baseline_folder, suite_folder
from pytest_llm_extract.dataset.load import expected_by_id
from pytest_llm_extract.errors import BaselineError, LlmExtractError
from pytest_llm_extract.formats.text_files import UnreadableFileError, read_text
from pytest_llm_extract.git import Revision, blob_id, work_files
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.wording import count_cases, some_names


class Gold(NamedTuple):
    """What a dataset expects of each case, by its id: in the base branch, and here."""

    before: dict[str, Any]
    after: dict[str, Any]


class Branch:
    """The work tree against the commit where this branch left the base branch."""

    def __init__(self, revision: Revision, settings: Settings) -> None:
        self.revision, self._settings = revision, settings
        self._gold: dict[Path, Gold | None] = {}

    def of_suite(
        self, key: str, dataset: str | None, accepted: Collection[str], *, shared: bool = True
    ) -> tuple[JudgeNote, ...]:
        """Notes on a suite: its cassettes, its baseline and anchor, and its golden data.

        Args:
            key: its id, with the variant in brackets.
            dataset: the file of its golden data below the rootdir; None where it has none.
            accepted: the cases that its baseline keeps.
            shared: whether to add what holds for every suite.
        """
        root = self._settings.rootdir
        cassettes = Path(shown_path(suite_folder(self._settings.cassettes, key.partition("[")[0]), root))
        folder = Path(shown_path(baseline_folder(self._settings.cassettes, key), root))
        try:
            own = [*cassette_changes(self.revision, cassettes), *_baseline_changes(self.revision, folder)]
            own += self._golden_changes(Path(dataset), accepted) if dataset is not None else []
        except (LlmExtractError, OSError, UnreadableFileError) as error:
            own = [JudgeNote("cassette", f"not compared with {self.revision}: {error}")]
        return (*own, *(self.of_all if shared else ()))

    def _golden_changes(self, dataset: Path, accepted: Collection[str]) -> list[JudgeNote]:
        """Notes on cases of the base branch's dataset that have other gold here, or are gone.

        The gate compares the gold of the `accepted` cases, which the baseline keeps.
        """
        if dataset not in self._gold:  # variants have it in common
            self._gold[dataset] = self._read_gold(dataset)
        if (gold := self._gold[dataset]) is None:
            return []
        not_kept = [case for case in gold.before if case not in accepted]
        changed = [case for case in not_kept if case in gold.after and gold.after[case] != gold.before[case]]
        gone = [case for case in not_kept if case not in gold.after]
        changes = (
            ("gold", "gold of {} differs from the base branch's {}, whose baseline does not have them ({})", changed),
            ("case", "{} of the base branch's {} removed, which its baseline does not have ({})", gone),
        )
        return [
            JudgeNote(kind, words.format(count_cases(len(cases)), dataset.as_posix(), some_names(cases)), tuple(cases))
            for kind, words, cases in changes
            if cases
        ]

    def _read_gold(self, dataset: Path) -> Gold | None:
        """Read a file of golden data there and here; None where one side lacks it."""
        text, file = self.revision.read(dataset), self.revision.folder / dataset
        if text is None or not file.is_file():
            return None
        return Gold(*(expected_by_id(one, dataset.suffix) for one in (text, read_text(file))))

    @cached_property
    def of_all(self) -> tuple[JudgeNote, ...]:
        """Notes on the configuration of pytest, on conftest.py files and on files of CI."""
        try:
            changed = self._changed
            notes = [*ini_changes(self.revision), *conftest_changes(self.revision, changed)]
            return (*notes, *ci_changes(changed))
        except (LlmExtractError, OSError) as error:
            return (JudgeNote("ini", f"configuration not compared with {self.revision}: {error}"),)

    @cached_property
    def _changed(self) -> list[Path]:
        """The conftest.py files and files of CI that differ from the revision's, came or went."""
        root, before = self._settings.rootdir, self.revision.blobs()
        here = set(work_files(root))
        changed = [
            path
            for path in {*before, *here}
            if (path.name == "conftest.py" or is_of_ci(path)) and self._differs(root, path, before)
        ]
        return sorted(changed)

    def _differs(self, root: Path, path: Path, before: dict[Path, str]) -> bool:
        if path not in before or not (root / path).is_file():
            return True
        return blob_id((root / path).read_bytes(), before[path]) != before[path]


def _baseline_changes(revision: Revision, folder: Path) -> list[JudgeNote]:
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
