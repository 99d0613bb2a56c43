"""What hooks know of a session and of its tests, kept on pytest's own objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_llm_extract.config.settings import Settings
    from pytest_llm_extract.dataset.gold import GoldenCase
    from pytest_llm_extract.extraction.extraction import Extraction
    from pytest_llm_extract.recording.run import RecordingRun
    from pytest_llm_extract.suites.suite import Suite

ONE_PROCESS: pytest.StashKey[bool] = pytest.StashKey()  # a recording run that was asked for workers
EXTRACTION: pytest.StashKey[Extraction] = pytest.StashKey()  # of a test, from its setup until its result is sent
_settings: pytest.StashKey[Settings] = pytest.StashKey()
_recording: pytest.StashKey[RecordingRun] = pytest.StashKey()
_case: pytest.StashKey[tuple[Suite, GoldenCase] | None] = pytest.StashKey()


def settings_of(config: pytest.Config) -> Settings:
    """The settings of a session, read when they are first needed: most sessions have no suite.

    Raises:
        UsageError: a mistake in one; of settings that are all at their defaults there is none.
    """
    if _settings not in config.stash:
        from pytest_llm_extract.config.settings import Settings

        config.stash[_settings] = Settings.of(config)
    return config.stash[_settings]


def suite_and_case(item: pytest.Item) -> tuple[Suite, GoldenCase] | None:
    """The suite and the case of a test; they are its own from its collection on."""
    try:
        return item.stash[_case]
    except KeyError:
        callspec = getattr(item, "callspec", None)
        job = callspec.params.get("extraction") if callspec else None
        if job is not None and item.get_closest_marker("llm_extract") is None:
            job = None  # a fixture of that name, which is somebody else's
        item.stash[_case] = job
        return job


def recording_run(config: pytest.Config) -> RecordingRun:
    """What is recorded in this session, one for all of its suites."""
    if _recording not in config.stash:
        from functools import partial

        from pytest_llm_extract.recording.run import RecordingRun
        from pytest_llm_extract.session.displays import show_in_tests

        config.stash[_recording] = RecordingRun(settings_of(config), partial(show_in_tests, config))
    return config.stash[_recording]
