"""One recording that a suite needs, and how to make it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.config import suite_folders
from pytest_llm_extract.config.options import RECORD_MODES
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.extraction.slot import Slot
from pytest_llm_extract.prompt.client import complete
from pytest_llm_extract.prompt.prompt_call import document_text
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.suites.suite import Suite

Key = tuple[str, str, int]


class Job(NamedTuple):
    """One sample of a case to record or replay."""

    suite: Suite
    golden: GoldenCase
    sample: int = 1

    @property
    def key(self) -> Key:
        """The job's name, unique within a run."""
        return self.suite.key, self.golden.case.id, self.sample

    def path(self, settings: Settings) -> Path:
        """The file of the job's cassette."""
        return variant_folder(self.suite, settings) / suite_folders.file_name(self.golden.case.id, self.sample)

    def slot(self, settings: Settings) -> Slot:
        """The job's cassette, and what is left out when its requests are compared."""
        case = self.golden.case
        ignore, storage = self.suite.ignore, settings.storage
        document, root = document_text(case), settings.cassettes
        as_json = json.dumps(case.input, ensure_ascii=False) if isinstance(case.input, dict | list) else None
        return Slot(self.path(settings), case.id, document, ignore, root, storage, settings.sends, as_json)

    def function(self, client: Callable[[], Any]) -> Callable[[], Any] | None:
        """The function that extracts; None if only the body of the test calls one (`extraction.run`)."""
        if self.suite.extractor is not None:
            return partial(self.suite.extractor, self.golden.case.input)
        return partial(self._complete, client) if self.suite.call is not None else None

    def _complete(self, client: Callable[[], Any]) -> Any:
        call = self.suite.call
        assert call is not None  # only suites with a prompt get here
        return complete(client(), call.api, call.body(self.golden.case))


def jobs_of(suite: Suite, golden: GoldenCase) -> tuple[Job, ...]:
    """The recordings that a case needs, one for each sample, in order."""
    return tuple(Job(suite, golden, sample) for sample in range(1, suite.n_samples + 1))


def wanted_cassettes(suite: Suite, settings: Settings) -> set[Path]:
    """The files of all cassettes that a suite's cases need."""
    return {job.path(settings) for golden in suite.cases for job in jobs_of(suite, golden)}


def variant_folder(suite: Suite, settings: Settings) -> Path:
    """The folder of the cassettes of a suite's variant."""
    return suite_folders.variant_folder(settings.cassettes, suite.id, suite.variant)


def record_mode(suite: Suite, settings: Settings) -> str:
    """The run's record mode (one of RECORD_MODES), limited by the suite's marker."""
    return min(settings.record, suite.record, key=RECORD_MODES.index)


def is_wanted(status: Status, mode: str) -> bool:
    """Whether a recording run of this mode records a case whose cassette is fresh (OK), stale or missing."""
    if status is Status.ERROR:
        return False
    return (
        mode == "all" or (status is Status.MISSING and mode != "none") or (status is Status.STALE and mode == "stale")
    )
