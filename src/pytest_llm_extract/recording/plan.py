"""Find out what would be recorded without sending anything: every sample runs against its cassette."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llm_extract.cassette.file.directory import recordings
from pytest_llm_extract.config import suite_folders
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import suite_folder
from pytest_llm_extract.extraction.call import Call, replay
from pytest_llm_extract.extraction.job import Job, Key, is_wanted, record_mode, variant_folder, wanted_cassettes
from pytest_llm_extract.extraction.moved_suite import moved_from
from pytest_llm_extract.extraction.same_requests import SameRequests, Source
from pytest_llm_extract.recording.progress import Estimate, SuitePlan
from pytest_llm_extract.recording.thread_pool import in_threads
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.prices import cost_usd
from pytest_llm_extract.suites.suite import Suite


@dataclass(frozen=True)
class Probe:
    """The state of one cassette. `took` is what recording it took; None if unknown. See `Call` for `lacks_shared`."""

    job: Job
    status: Status
    problem: str | None
    took: Estimate | None
    lacks_shared: bool = False


@dataclass(frozen=True)
class RecordingPlan:
    """The state of a suite's cassettes: numbers for people, and jobs for the recorder.

    `jobs` are to be recorded. Those of them in `shared` take the answers that an earlier job of the run gets. `copies`
    have their answers already, from another variant. `waiting` are neither: their answers will come in a batch.
    """

    suite: Suite
    shown: SuitePlan
    jobs: tuple[Job, ...]
    probes: dict[Key, Probe]
    expected: dict[Key, Estimate]
    shared: dict[Key, Source] = field(default_factory=dict)
    copies: tuple[tuple[Job, Source], ...] = ()
    waiting: tuple[Job, ...] = ()


def plan_suite(
    jobs: Sequence[Job],
    client: Callable[[], Any],
    settings: Settings,
    same: SameRequests,
    in_batches: Collection[Path] = (),
) -> RecordingPlan:
    """Check the cassettes of a suite's selected cases.

    Args:
        jobs: those of one suite.
        client: finds the client for prompts.
        settings: those of the run.
        same: knows the requests of the variants that were planned before.
        in_batches: the cassettes that wait for the answers of a batch, in any suite.
    """
    probes = _probe_all(jobs, client, settings)
    probed = [probes[job.key] for job in jobs if job.key in probes]
    mode = record_mode(jobs[0].suite, settings)
    wanted = [
        probe.job
        for probe in probed
        if is_wanted(probe.status, mode) and (settings.sends or not probe.lacks_shared or mode == "all")
    ]
    sources = _sources(wanted, client, settings, same)
    waiting = tuple(job for job in wanted if _waits(job, sources.get(job.key), settings, in_batches))
    keys = {job.key for job in waiting}
    wanted = [job for job in wanted if job.key not in keys]
    sources = {key: source for key, source in sources.items() if key not in keys}
    paid = [job for job in wanted if job.key not in sources]
    expected = _expectations(probed, paid)
    shown = _shown(jobs, probed, client, settings)
    shown.waiting = len(waiting)
    shown.to_record, shown.shared = len(paid), Counter(source.variant for source in sources.values())
    if sources and not jobs[0].suite.is_gated:
        shown.moved_from = None  # its cassettes are copied, and it has no baseline that would have to move along
    if expected and len(expected) == len(paid):
        shown.expected = sum(expected.values(), Estimate())
    copied = {key for key, source in sources.items() if source.is_there}
    return RecordingPlan(
        jobs[0].suite,
        shown,
        tuple(job for job in wanted if job.key not in copied),
        {one.job.key: one for one in probed},
        expected,
        {key: source for key, source in sources.items() if key not in copied},
        tuple((job, sources[job.key]) for job in wanted if job.key in copied),
        waiting,
    )


def _waits(job: Job, source: Source | None, settings: Settings, in_batches: Collection[Path]) -> bool:
    """Whether the answers of a job, or those of the variant that it takes them from, will come in a batch."""
    if source is not None:
        return not source.is_there and source.cassette in in_batches
    return job.path(settings) in in_batches


def _probe_all(jobs: Sequence[Job], client: Callable[[], Any], settings: Settings) -> dict[Key, Probe]:
    suite = jobs[0].suite
    probes: dict[Key, Probe] = {}

    def probe(job: Job) -> None:
        if (function := job.function(client)) is not None:
            try:
                probes[job.key] = _probe(job, function, settings)
            except KeyboardInterrupt:
                raise
            except BaseException:
                return  # it ends its test too, which will say so

    in_threads(probe, jobs, suite.concurrency or settings.concurrency, threading.Event())
    return probes


def _sources(
    wanted: Sequence[Job], client: Callable[[], Any], settings: Settings, same: SameRequests
) -> dict[Key, Source]:
    """Where the answers of jobs come from that need not be sent, by job."""
    sources: dict[Key, Source] = {}
    for job in wanted:
        function = job.function(client)
        assert function is not None  # it was probed
        source = same.plan(job, function, anew=record_mode(job.suite, settings) == "all")
        if source is not None:
            sources[job.key] = source
    return sources


def _shown(jobs: Sequence[Job], probes: Sequence[Probe], client: Callable[[], Any], settings: Settings) -> SuitePlan:
    suite = jobs[0].suite
    shown = SuitePlan(suite.id, suite.variant, in_tests=_count_in_tests(jobs, {probe.job.key for probe in probes}))
    for one in probes:
        _count(shown, one)
    if missing := next(
        (probe.job for probe in probes if probe.status is Status.MISSING and not probe.lacks_shared), None
    ):
        shown.moved_from = _moved_from(missing, client, settings)
    shown.orphans = orphans(suite, settings)
    shown.is_at_least = suite.extractor is not None and bool(shown.stale)
    return shown


def _moved_from(job: Job, client: Callable[[], Any], settings: Settings) -> str | None:
    function = job.function(client)
    return None if function is None else moved_from(job, function, settings)


def _count_in_tests(jobs: Iterable[Job], probed: Collection[Key]) -> int:
    return len({job.golden.case.id for job in jobs if job.key not in probed})


def _probe(job: Job, function: Callable[[], Any], settings: Settings) -> Probe:
    call = replay(function, job.slot(settings))
    problem = call.problem
    if problem is not None and call.status is Status.ERROR:  # in the words of a filter, or of a project's own code
        problem = settings.storage.watch.hide(problem)
    return Probe(job, call.status, problem, _took(call), call.lacks_shared)


def _took(call: Call) -> Estimate | None:
    facts, usage = call.facts, call.usage
    if not usage.input_tokens:
        return None
    is_same = facts.asked in (None, facts.hashes["model"])
    return Estimate(len(facts.fingerprints), usage, call.cost_usd if is_same else cost_usd(facts.asked, usage))


def _expectations(probes: Sequence[Probe], wanted: Sequence[Job]) -> dict[Key, Estimate]:
    """The expected use of a recording: of its own earlier one, else the suite's mean; empty if there is none."""
    known = {probe.job.key: probe.took for probe in probes if probe.took is not None}
    if not known:
        return {}
    mean = sum(known.values(), Estimate()) * (1 / len(known))
    return {job.key: known.get(job.key, mean) for job in wanted}


def _count(shown: SuitePlan, probe: Probe) -> None:
    if probe.status is Status.STALE:
        shown.stale[probe.problem or "request changed"] += 1
    elif probe.lacks_shared:
        shown.unshared[probe.problem or ""] += 1
    elif probe.status is Status.MISSING:
        shown.missing += 1
    elif probe.status is Status.ERROR:
        shown.unreadable.append(probe.problem or "")
    else:
        shown.fresh += 1


def orphans(suite: Suite, settings: Settings) -> list[str]:
    """Files below a suite's folder that no case needs, and temporary files of killed runs, sorted by name.

    Those of a variant lie in its own folder; those of variants that are gone count as the primary's.
    """
    wanted = wanted_cassettes(suite, settings)
    folder = suite_folder(settings.cassettes, suite.id)
    kept = {suite_folders.variant_folder(settings.cassettes, suite.id, name) for name in suite.others}
    own = folder if suite.is_primary else variant_folder(suite, settings)
    return [
        path.relative_to(folder).as_posix()
        for path in recordings(own)
        if path not in wanted and path.parent not in kept
    ]
