"""Recordings that another variant, or another test of a class, has or will have of the very same requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.cassette.file.exchange import address_of
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import folder_name, suite_folder
from pytest_llm_extract.extraction.call import first_request, replay
from pytest_llm_extract.extraction.job import Job
from pytest_llm_extract.extraction.slot import Slot
from pytest_llm_extract.suites.suite import Suite

_HEAD_BYTES = 4096  # of a cassette, whose fingerprints are at its top


class Source(NamedTuple):
    """Where a job's answers come from without being paid for.

    `cassette` is the file of another variant, or of another suite that extracts in the same way; `variant` is the name
    of the one, or the id of the other. It `is_there` before the run; otherwise an earlier job of the same run makes it.
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
        self._groups: dict[str, list[str]] = {}  # ids of suites, by each of them
        self._planned: dict[tuple[Any, ...], Job] = {}
        self._folders: dict[Path, list[Path]] = {}

    def group(self, suites: Iterable[Suite]) -> None:
        """Find the suites that extract in the same way, as the tests of a class with one marker do."""
        by_way: dict[object, list[str]] = {}
        for suite in suites:
            if suite.is_primary and (way := _way(suite)) is not None:
                by_way.setdefault(way, []).append(suite.id)
        self._groups = {one: ids for ids in by_way.values() for one in ids if len(ids) > 1}

    def plan(self, job: Job, function: Callable[[], Any], *, anew: bool) -> Source | None:
        """Find the recording that a job can share; None where it is the first one that sends its requests.

        Args:
            job: one that has to be recorded.
            function: what extracts it. It is stopped at its first request.
            anew: whether recordings from before the run are not good enough.
        """
        folders = self._siblings(job)
        if not job.suite.others and not folders and job.suite.id not in self._groups:
            return None
        slot = job.slot(self._settings)
        sent = first_request(function, slot)
        if sent is None:
            return None
        address = address_of(sent.url)
        # Of an extractor only the first request is known: the same function on the same document sends the same ones.
        key = (self._group(job)[0], *job.key[1:], job.suite.extractor, job.suite.ignore, address, sent.fingerprint)
        if (earlier := self._planned.get(key)) is not None:
            name = earlier.suite.variant if earlier.suite.id == job.suite.id else earlier.suite.id
            return Source(earlier.path(self._settings), name, is_there=False)
        for folder in () if anew else folders:
            path = folder / slot.path.name
            if _names(path, sent.fingerprint) and holds_requests(function, slot, path, address):
                return Source(path, self._name(job, folder), is_there=True)
        self._planned[key] = job
        return None

    def _group(self, job: Job) -> list[str]:
        """The ids of the suites that extract as the job's suite does, itself among them."""
        return self._groups.get(job.suite.id, [job.suite.id])

    def _siblings(self, job: Job) -> list[Path]:
        """The folders of the other variants, also of those that the marker no longer has, and of suites like this."""
        own = job.path(self._settings).parent
        return [folder for suite_id in self._group(job) for folder in self._variants(suite_id) if folder != own]

    def _variants(self, suite_id: str) -> list[Path]:
        suite = suite_folder(self._settings.cassettes, suite_id)
        if suite not in self._folders:
            self._folders[suite] = sorted(path for path in suite.iterdir() if path.is_dir()) if suite.is_dir() else []
        return self._folders[suite]

    def _name(self, job: Job, folder: Path) -> str:
        """The name of the variant that a folder belongs to, or the id of the suite."""
        root = self._settings.cassettes
        if folder.parent != suite_folder(root, job.suite.id):
            return next(one for one in self._group(job) if suite_folder(root, one) == folder.parent)
        return next((name for name in job.suite.others if folder_name(name) == folder.name), folder.name)


def _way(suite: Suite) -> object:
    """What sends a suite's requests: its prompt and model, or its extractor; None where its tests call that."""
    return (suite.call.fingerprint, suite.call.model) if suite.call is not None else suite.extractor


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
