"""Recordings that another variant of a suite has, or will have, of the very same requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.cassette.file.exchange import address_of
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import folder_name, suite_folder
from pytest_llm_extract.extraction.call import first_request, replay
from pytest_llm_extract.extraction.job import Job
from pytest_llm_extract.extraction.slot import Slot

_HEAD_BYTES = 4096  # of a cassette, whose fingerprints are at its top


class Source(NamedTuple):
    """Where a job's answers come from without being paid for.

    `cassette` is the file of another variant, whose name is `variant`. It `is_there` before the run; otherwise an
    earlier job of the same run makes it.
    """

    cassette: Path
    variant: str
    is_there: bool


class SameRequests:
    """Finds the recordings that jobs of one run can share. Call `plan` for each job in the order of recording.

    Two requests are the same if their fingerprints and addresses are. Samples are told apart: they are further answers
    to one request.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._planned: dict[tuple[Any, ...], Job] = {}
        self._folders: dict[Path, list[Path]] = {}

    def plan(self, job: Job, function: Callable[[], Any], *, anew: bool) -> Source | None:
        """Find the recording that a job can share; None where it is the first one that sends its requests.

        Args:
            job: one that has to be recorded.
            function: what extracts it. It is stopped at its first request.
            anew: whether recordings from before the run are not good enough.
        """
        folders = self._siblings(job)
        if not job.suite.others and not folders:
            return None
        slot = job.slot(self._settings)
        sent = first_request(function, slot)
        if sent is None:
            return None
        address = address_of(sent.url)
        # Of an extractor only the first request is known: the same function on the same document sends the same ones.
        key = (job.suite.id, *job.key[1:], job.suite.extractor, job.suite.ignore, address, sent.fingerprint)
        if (earlier := self._planned.get(key)) is not None:
            return Source(earlier.path(self._settings), earlier.suite.variant, is_there=False)
        for folder in () if anew else folders:
            path = folder / slot.path.name
            if _names(path, sent.fingerprint) and holds_requests(function, slot, path, address):
                return Source(path, self._variant(job, folder), is_there=True)
        self._planned[key] = job
        return None

    def _siblings(self, job: Job) -> list[Path]:
        """The folders of the suite's other variants, also of those that the marker no longer has."""
        own, suite = job.path(self._settings).parent, suite_folder(self._settings.cassettes, job.suite.id)
        if suite not in self._folders:
            self._folders[suite] = sorted(path for path in suite.iterdir() if path.is_dir()) if suite.is_dir() else []
        return [folder for folder in self._folders[suite] if folder != own]

    def _variant(self, job: Job, folder: Path) -> str:
        """The name of the variant that a folder belongs to."""
        return next((name for name in job.suite.others if folder_name(name) == folder.name), folder.name)


def holds_requests(function: Callable[[], Any], slot: Slot, cassette: Path, address: str | None = None) -> bool:
    """Whether an extraction can be replayed from the cassette of another variant.

    Args:
        function: the extraction.
        slot: its own cassette.
        cassette: that of the other variant.
        address: where its first request goes (None for anywhere): another provider gives other answers.
    """
    try:
        if replay(function, slot._replace(path=cassette)).problem is not None:
            return False
        recording = load(cassette, slot.root)
    except KeyboardInterrupt:
        raise
    except BaseException:  # the extractor ended with it, and so will its test
        return False
    return recording is not None and (address is None or address_of(recording.exchanges[0].url) == address)


def _names(cassette: Path, fingerprint: str) -> bool:
    """Whether the head of a file has this fingerprint, which is quicker to find out than whether it replays."""
    try:
        with cassette.open("rb") as file:
            return fingerprint.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
