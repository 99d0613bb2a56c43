"""`llm-extract check`: find faults in the cassettes of a project."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from pytest_llm_extract.cassette.file.directory import delete, is_disposable, recordings
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.http.shared_exchanges import FOLDER, asked
from pytest_llm_extract.cli.collected import Collected, collect
from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.config.suite_folders import folder_name, module_folder
from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.errors import CassetteError
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.extraction.job import Job, wanted_cassettes
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.recording.plan import Probe, RecordingPlan
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.wording import count_cases, count_cassettes, some_names


@dataclass(frozen=True)
class CheckFinding:
    """One fault: its kind, what it is about, the reason, and how many cassettes have it."""

    kind: str
    what: str
    why: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.kind:10}  {self.what}{': ' if self.why else ''}{self.why}"


@click.command(name="check")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--prune", is_flag=True, help="Delete orphaned cassettes.")
@click.option(
    "--max-size", metavar="KB", type=click.IntRange(min=1), default=1000, show_default=True, help="Largest cassette."
)
def command(paths: tuple[str, ...], prune: bool, max_size: int) -> None:
    """List the cassettes that are stale, missing, unreadable, orphaned or oversized, or that hold a secret.

    \b
    Example:
      llm-extract check
      llm-extract check --prune

    PATHS are the tests to collect, as for pytest. Every case is run against its cassette, without network, as
    `pytest --llm-extract-plan` does. A cassette of this plugin is orphaned if no case wants it, and its test module
    was collected or is gone. Baselines are searched for secrets too.

    Exit status: 0 nothing was found (or only orphans, which --prune deleted), 1 something was, 2 wrong arguments, or
    pytest does not start.
    """
    collected = collect(paths, planned=True)
    root = collected.settings.cassettes
    files = recordings(root)
    wanted = {path for suite in collected.suites for path in wanted_cassettes(suite, collected.settings)}
    orphans, unclear = find_orphans(files, wanted, collected)
    moved = set(_moved(orphans, collected))
    orphans = [path for path in orphans if path not in moved]
    findings = [
        *_of_fixtures(collected.asked),
        *_of_plans(collected.plans),
        *_of_moved(moved),
        *_unreadable(collected, wanted),
        *_oversized(files, max_size),
        *_secrets([*files, *root.rglob("*.jsonl")], root, collected.settings.storage.watch),
        *(() if prune else (CheckFinding("orphaned", _shown(path), "no case wants it") for path in orphans)),
    ]
    findings = list(dict.fromkeys(findings))  # what a case wants and nobody may read is found twice
    echo(*findings)
    for path in orphans if prune else ():
        delete(path, root)
        echo(f"deleted     {_shown(path)}")
    not_checked = [*_not_planned(collected), *_unasked(files, root), *unclear, *collected.errors]
    echo(*(f"not checked {line}" for line in not_checked), err=True)
    echo(_summary(files, findings, len(orphans) if prune else 0))
    raise SystemExit(int(bool(findings or collected.errors)))


def _moved(orphans: Iterable[Path], collected: Collected) -> Iterator[Path]:
    """Orphans that a case without a cassette may want: its suite moved."""
    probes = [probe for plan in collected.plans for probe in plan.probes.values()]
    lacking = {probe.job.path(collected.settings).name for probe in probes if probe.status is Status.MISSING}
    yield from (path for path in orphans if path.name in lacking)


def _of_moved(paths: Iterable[Path]) -> Iterator[CheckFinding]:
    folders = Counter(path.parent for path in paths)
    for folder, count in sorted(folders.items()):
        why = "cases that lack one have these names; if their suite moved: llm-extract mv OLD NEW"
        yield CheckFinding("moved", f"{_shown(folder)}: {count_cassettes(count)}", why, count)


def _of_fixtures(asked: Mapping[str, Call]) -> Iterator[CheckFinding]:
    """Recordings of fixtures that cannot be replayed."""
    for name, call in asked.items():
        if call.problem is not None:
            yield CheckFinding(call.status.value, f"recording {visible(name)!r} of a fixture", call.problem)


def _of_plans(plans: Sequence[RecordingPlan]) -> Iterator[CheckFinding]:
    """Stale cassettes by cause, and missing ones."""
    for plan in plans:
        ids: dict[tuple[str, str], list[str]] = {}
        in_batches = {job.key for job in plan.waiting}
        for probe in plan.probes.values():
            if (fault := _fault(probe, is_waiting=probe.job.key in in_batches)) is not None:
                ids.setdefault(fault, []).append(_name(probe.job))
        for (kind, why), names in sorted(ids.items(), reverse=True):  # stale ones before missing ones
            what = f"{plan.suite.id} ({plan.suite.variant}): {count_cases(len(names))} ({some_names(names)})"
            yield CheckFinding(kind, what, why, len(names))


def _fault(probe: Probe, *, is_waiting: bool) -> tuple[str, str] | None:
    """The kind and the reason of what a recording would fix; None where it would not."""
    if is_waiting:
        return "waiting", "sent in a batch; llm-extract collect writes it"
    if probe.status is Status.STALE:
        return "stale", probe.problem or "request changed"
    return ("missing", f"{_lacks(probe)}; pytest --llm-record records it") if probe.status is Status.MISSING else None


def _lacks(probe: Probe) -> str:
    """What a case lacks: mostly its own cassette, whose name does not matter."""
    problem = probe.problem or ""
    return "no cassette" if problem.startswith("no cassette") else problem


def _name(job: Job) -> str:
    case_id = job.golden.case.id
    return case_id if job.sample == 1 else f"{case_id}, sample {job.sample}"


def _unreadable(collected: Collected, wanted: Iterable[Path]) -> Iterator[CheckFinding]:
    """Cassettes that a case wants and that cannot be read, or that fail their case for another reason."""
    seen = set[Path]()
    for path in wanted:
        try:
            load(path, collected.settings.cassettes)
        except CassetteError as error:
            seen.add(path)
            yield CheckFinding("unreadable", _shown(path), str(error).removeprefix(f"{path}: "))
    for plan in collected.plans:
        for probe in plan.probes.values():
            if probe.status is Status.ERROR and probe.job.path(collected.settings) not in seen:
                yield CheckFinding("failing", f"{plan.suite.id} ({_name(probe.job)})", probe.problem or "")


def _oversized(files: Iterable[Path], max_kb: int) -> Iterator[CheckFinding]:
    for path in files:
        with suppress(FileNotFoundError):  # a run that goes on has put another in its place
            if (kb := path.stat().st_size // 1000) > max_kb:
                yield CheckFinding("oversized", _shown(path), f"{kb:,} KB, more than {max_kb:,}")


def _secrets(files: Iterable[Path], root: Path, watch: Watch) -> Iterator[CheckFinding]:
    """Find secrets, and files that could not be searched for secrets."""
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        except OSError as error:
            yield CheckFinding("unreadable", _shown(path), f"cannot be read: {error.strerror or error}")
            continue
        for secret in watch.find(text, said=_said(path, root)):
            yield CheckFinding("secret", _shown(path), str(secret))


def _said(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """What a cassette says in pieces; nothing for any other file, and for one that cannot be read."""
    with suppress(CassetteError):
        recording = load(path, root) if path.suffix == ".yaml" else None
        yield from recording.said if recording is not None else ()


def find_orphans(files: Iterable[Path], wanted: Collection[Path], collected: Collected) -> tuple[list[Path], list[str]]:
    """Files of ours that no case needs, and a line for each module that was not fully collected."""
    root = collected.settings.cassettes
    folders = {module_folder(root, module) for module in collected.modules}
    orphans: list[Path] = []
    unclear: dict[Path, int] = {}
    for path in files:
        parts = path.relative_to(root).parts[:-3]  # without test_function/variant/file
        if path in wanted or not parts or not is_disposable(path):
            continue
        folder, module = root.joinpath(*parts), _module_of(parts, collected.settings.rootdir)
        if module is None or folder in folders:
            orphans.append(path)
        else:
            unclear[module] = unclear.get(module, 0) + 1
    return orphans, [
        f"{_shown(module)}: {count_cassettes(n)}, since it was not collected as a whole"
        for module, n in unclear.items()
    ]


def _module_of(parts: Sequence[str], rootdir: Path) -> Path | None:
    """The test module whose cassettes are in this folder; None if the module is gone."""
    here: Path | None = rootdir
    for number, part in enumerate(parts, 1):
        if here is None or not here.is_dir():
            return None
        is_last = number == len(parts)
        entries = [here.parent] if part == "__" else list(here.iterdir())
        here = next((path for path in entries if _lies_in(path, part, is_module=is_last)), None)
    return here


def _lies_in(path: Path, folder: str, *, is_module: bool) -> bool:
    if is_module:
        return path.suffix == ".py" and folder_name(path.stem) == folder
    return folder == "__" or (path.is_dir() and folder_name(path.name) == folder)


def _not_planned(collected: Collected) -> Iterator[str]:
    """Suites whose cassettes could not be compared with their requests, and why."""
    plans = {(plan.suite.id, plan.suite.variant): plan for plan in collected.plans}
    for suite in collected.suites:
        plan = plans.get((suite.id, suite.variant))
        if plan is None:
            yield f"{suite.id} ({suite.variant}): its fixtures skip or fail, so that requests are not known"
        elif plan.shown.in_tests:
            n = count_cases(plan.shown.in_tests)
            yield f"{suite.id} ({suite.variant}): {n} whose requests are known only to their test"


def _unasked(files: Iterable[Path], root: Path) -> Iterator[str]:
    """What is recorded for all cases, and no plan asked for."""
    n = sum(path.parent == root / FOLDER and path not in asked and is_disposable(path) for path in files)
    if n:
        why = "no suite asked for before its tests; a run of all tests names what none asks for"
        yield f"{_shown(root / FOLDER)}: {count_cassettes(n)} that {why}"


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _summary(files: Sequence[Path], findings: Sequence[CheckFinding], n_deleted: int) -> str:
    kinds = Counter[str]()
    for finding in findings:
        kinds[finding.kind] += finding.count
    said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "nothing found"
    deleted = f"; {n_deleted:,} deleted" if n_deleted else ""
    return f"{count_cassettes(len(files) - n_deleted)}: {said}{deleted}"
