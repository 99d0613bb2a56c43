"""Suggest why a cassette may be missing although it was recorded."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_llm_extract.baseline.paths import shown_path
from pytest_llm_extract.cassette.sent_batch import BatchFileError, sent_batches
from pytest_llm_extract.config import suite_folders
from pytest_llm_extract.config.ci import is_ci
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.extraction.job import Job
from pytest_llm_extract.extraction.moved_suite import moved_from
from pytest_llm_extract.extraction.same_requests import holds_requests
from pytest_llm_extract.git import ignored_by

_MOST_TRIED = 3  # other variants


def missing_hint(job: Job, function: Callable[[], Any] | None, settings: Settings) -> str | None:
    """Suggest why the cassette of a job may be missing although it was recorded.

    Args:
        job: the first sample of a case.
        function: what extracts it; None if only the body of its test calls it.
        settings: those of the run.

    Returns:
        None if nothing like the cassette was found.
    """
    cassette, suite = job.path(settings), job.suite
    # By the identity of the cases too: another run in this process may find other files.
    if (words := _in_batches(settings.cassettes, id(suite.cases)).get((suite.key, cassette.name))) is not None:
        return words
    if function is not None and (old := moved_from(job, function, settings)) is not None:
        return f"the suite moved: its cassettes are there and fit: llm-extract mv {old} {suite.key}"
    if function is not None and (same := _same_requests(job, function, settings)) is not None:
        return f"variant {same!r} sends the same requests: pytest {settings.record_flag} copies its recordings"
    folder = cassette.parent.parent
    others = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if others and not cassette.parent.exists():
        return f"the folder of variant {others[0]!r} is there: was the prompt or extractor renamed?"
    if (other := _other_rootdir(cassette, suite.id, settings)) is not None:
        here = settings.rootdir
        return f"it is below {other}, recorded with that rootdir; here it is {here}: give --rootdir={other}"
    return _in_ci(cassette.parent, settings.rootdir) if is_ci() else None


@lru_cache(maxsize=64)  # every case of a suite asks for it
def _in_ci(folder: Path, rootdir: Path) -> str:
    shown = shown_path(folder, rootdir)
    if (where := ignored_by(folder / "case.yaml", rootdir)) is not None:
        return f"git ignores {shown} ({where}): take it out of that file, and commit the cassettes"
    return f"in CI nothing is recorded: record where there is a key, and commit {shown}"


@lru_cache(maxsize=8)
def _in_batches(cassettes: Path, _cases: int) -> dict[tuple[str, str], str]:
    """Why cassettes are missing whose requests are in a batch, by suite and file."""
    try:
        batches = sent_batches(cassettes)
    except BatchFileError:  # recording says so
        return {}
    return {(batch.suite, file): batch.words for batch in batches for file in batch.files}


def _same_requests(job: Job, function: Callable[[], Any], settings: Settings) -> str | None:
    """Another variant of the suite whose cassette fits, among the first few that have one of this case."""
    path, slot = job.path(settings), job.slot(settings)
    folders = {name: suite_folders.variant_folder(settings.cassettes, job.suite.id, name) for name in job.suite.others}
    there = [(name, folder / path.name) for name, folder in folders.items() if (folder / path.name).exists()]
    return next((name for name, other in there[:_MOST_TRIED] if holds_requests(function, slot, other)), None)


def _other_rootdir(cassette: Path, suite_id: str, settings: Settings) -> Path | None:
    """A folder above the test module that would have this cassette as the rootdir, as in a monorepo."""
    path, name = suite_id.split("::", 1)
    module = settings.rootdir / path
    folder = os.path.relpath(settings.cassettes, settings.rootdir)
    for other in module.parents:
        suite = suite_folders.suite_folder(other / folder, f"{module.relative_to(other).as_posix()}::{name}")
        if other != settings.rootdir and (suite / cassette.parent.name / cassette.name).exists():
            return other
    return None
