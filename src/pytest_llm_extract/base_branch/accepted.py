"""Whether the answers that a revision holds are those that its baseline accepted."""

from __future__ import annotations

from pathlib import Path

from pytest_llm_extract.base_branch.cassettes import read_cassette
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.config.suite_folders import file_name, folder_name, split_key
from pytest_llm_extract.git import Revision


def not_accepted(revision: Revision, baseline: Baseline, path: Path) -> list[str]:
    """The cases with a cassette in this revision that was recorded later than its baseline was accepted.

    A case without a cassette is left out: then the accepted answer is the only one.

    Args:
        revision: where to look.
        baseline: the accepted answers.
        path: the baseline's file, relative to the revision's folder.
    """
    is_of_variant = split_key(baseline.suite)[1] is not None
    folder = path.parent if is_of_variant else path.parent / folder_name(baseline.variant)
    expected = {
        folder / file_name(case, number): (case, sample)
        for case, entry in baseline.entries.items()
        for number, sample in enumerate(entry.samples, 1)
    }
    ids = {file: blob for file, blob in revision.blobs(folder.as_posix()).items() if file in expected}
    contents = zip(ids, revision.read_blobs(list(ids.values())), strict=True)
    others = [expected[file][0] for file, data in contents if data and not _is_of(data, expected[file][1])]
    return list(dict.fromkeys(others))


def _is_of(data: bytes, accepted: Entry) -> bool:
    """Whether a cassette is the recording whose answer was accepted; one that cannot be read is not."""
    recording = read_cassette(data)
    if recording is None:
        return False
    recorded = tuple(recording.fingerprints), int(recording.meta.get("attempt", 1))
    return recorded == (accepted.fingerprints, accepted.attempt)
