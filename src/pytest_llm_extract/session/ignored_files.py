"""Cassettes and baselines that git ignores, so that nobody else will have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llm_extract.session.suite_run import SuiteRun

if TYPE_CHECKING:
    from pytest_llm_extract.config.settings import Settings


def ignored_files(runs: Iterable[SuiteRun], settings: Settings) -> list[str]:
    """A note on the first file that this run wrote and that git ignores; nothing where it wrote none."""
    from pytest_llm_extract.baseline.paths import shown_path
    from pytest_llm_extract.git import ignored_by

    for path in _written(runs, settings):
        if (where := ignored_by(path, settings.rootdir)) is not None:
            shown = shown_path(path, settings.rootdir)
            return [f"git ignores {shown} ({where}), so CI and others will not have it: take it out of that file"]
    return []


def _written(runs: Iterable[SuiteRun], settings: Settings) -> Iterator[Path]:
    """A cassette, and the baseline, of each suite that recorded or accepted."""
    from pytest_llm_extract.baseline.paths import BASELINE
    from pytest_llm_extract.config.suite_folders import baseline_folder

    for run in runs:
        recorded = (run.results[case].cassette for case, note in run.notes.items() if note.n_recorded)
        if (cassette := next(recorded, None)) is not None:
            yield settings.rootdir / cassette
        if run.said:
            yield baseline_folder(settings.cassettes, run.head.key) / BASELINE
