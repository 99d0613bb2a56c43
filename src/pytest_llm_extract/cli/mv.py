"""`llm-extract mv`: what a suite that moved has recorded, accepted, sent in batches and used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.formulations import FORMULATIONS
from pytest_llm_extract.baseline.move import read_movable, split, write
from pytest_llm_extract.baseline.paths import ANCHOR, BASELINE
from pytest_llm_extract.cassette.file.directory import drop_empty_folders
from pytest_llm_extract.cassette.file.load import check_inside
from pytest_llm_extract.cassette.file.staleness import in_words
from pytest_llm_extract.cassette.http.shared_exchanges import FOLDER
from pytest_llm_extract.cassette.sent_batch import SentBatch, sent_batches
from pytest_llm_extract.cli.collected import Collected, collect
from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.comparison.confirm import USES, uses_of_moved, write_uses
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import baseline_folder, folder_name, module_folder, split_key, suite_folder
from pytest_llm_extract.errors import CassetteError, UnknownNameError, UsageError, reason
from pytest_llm_extract.extraction.job import variant_folder, wanted_cassettes
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wording import count_batches, count_cassettes, counted


class Files(NamedTuple):
    """What one variant of a suite takes over: cassettes with their new paths, baselines, and batches.

    Of a batch it takes what the cassettes of these names wait for. `uses` are those of held-out cases: their number,
    and what their file says then.
    """

    suite: Suite
    cassettes: dict[Path, Path]
    baselines: list[tuple[Path, Path, Baseline, Baseline]]
    batches: list[tuple[SentBatch, set[str]]]
    uses: tuple[int, str] = (0, "")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take over."""
        return not (self.cassettes or self.baselines or self.batches or self.uses[0])


@click.command(name="mv")
@click.argument("old")
@click.argument("new")
def command(old: str, new: str) -> None:
    """Move what a suite has recorded, accepted, sent in batches and confirmed to its new place.

    \b
    Example:
      llm-extract mv tests/test_bills.py::test_bills tests/test_invoices.py::test_invoices
      llm-extract mv tests/test_bills.py tests/test_invoices.py

    OLD is the test's former name, a module, or the folder of its cassettes. NEW is the test, or the module, as pytest
    collects it now. If a suite was split, NEW gets what belongs to its own cases. What another suite still wants stays.
    Nothing is overwritten, and nothing is moved if a file is in the way.

    Exit status: 0 moved, 2 wrong arguments, or there is nothing to move.
    """
    collected = collect()
    settings = collected.settings
    echo(*collected.errors, err=True)
    pairs = list(_pairs(_folder(old, settings), new, collected))
    moves = [files for folder, suites in pairs for files in _files(folder, suites, collected)]
    moves = [files for files in moves if not files.is_empty]
    if not moves:
        raise UsageError(old, f"has nothing that {new} lacks and no other suite wants")
    _check_free(moves, settings)
    for files in moves:
        _move(files, settings)
        echo(_said(files))


def _folder(old: str, settings: Settings) -> Path:
    """The folder of what moves."""
    root = settings.cassettes
    as_path = Path(old).resolve()
    if as_path.is_dir() and as_path == (root / FOLDER).resolve():
        raise UsageError(old, "holds recordings that suites share: they stay where they are, whichever suite moves")
    if as_path.is_dir() and as_path.is_relative_to(root.resolve()) and as_path != root.resolve():
        return root / as_path.relative_to(root.resolve())
    name = old if "::" in old or not Path(old).is_absolute() else os.path.relpath(old, settings.rootdir)
    folder = baseline_folder(root, name) if "::" in name else module_folder(root, name)
    if not folder.is_dir() and not any(folder in (one, one.parent) for one in _batch_folders(root)):
        shown = os.path.relpath(folder)
        raise UsageError(old, f"has no cassettes: there is no folder {shown}")
    return folder


def _pairs(folder: Path, new: str, collected: Collected) -> Iterator[tuple[Path, list[Suite]]]:
    """Each folder of a suite, or of a variant, with the suites that take it over."""
    suites = [suite for suite in collected.suites if new in (suite.id, suite.key) or suite.id.split("::")[0] == new]
    if not suites:
        raise UnknownNameError(new, known=[suite.id for suite in collected.suites], source="NEW", kind="suite")
    of_batches = {path for path in _batch_folders(collected.settings.cassettes) if path.parent == folder}
    if not any(folder.glob("*/*.yaml")) and (of_batches or any(folder.glob("*/*/*.yaml"))):  # of a module
        for inner in sorted(of_batches.union(path for path in folder.glob("*") if path.is_dir())):
            same = [
                suite for suite in suites if suite_folder(collected.settings.cassettes, suite.id).name == inner.name
            ]
            yield inner, same
        return
    ids = {suite.id for suite in suites}
    if len(ids) > 1:
        raise UsageError(new, f"has {len(ids)} suites, and OLD is one: name one of {', '.join(sorted(ids))}")
    yield folder, suites


def _batch_folders(root: Path) -> set[Path]:
    """The folders of suites that have batches, which may have no cassettes yet."""
    return {suite_folder(root, split_key(batch.suite)[0]) for batch in sent_batches(root)}


def _files(folder: Path, suites: Sequence[Suite], collected: Collected) -> Iterator[Files]:
    settings = collected.settings
    wanted = {path for suite in collected.suites for path in wanted_cassettes(suite, settings)}
    for suite in suites:
        source = _variant_source(folder, suite, n_suites=len(suites))
        target = variant_folder(suite, settings)
        cassettes = {
            source / path.name: path
            for path in sorted(wanted_cassettes(suite, settings))
            if source != target and (source / path.name).exists() and source / path.name not in wanted
        }
        home = folder.parent if any(folder.glob("*.yaml")) else folder
        baselines = list(_baselines(home if suite.is_primary else source, suite, collected))
        is_used = any(suite_folder(settings.cassettes, other.id) == home for other in collected.suites)
        if suite.is_primary and not is_used and (home / FORMULATIONS).exists():
            cassettes[home / FORMULATIONS] = target.parent / FORMULATIONS
        uses = _uses(home, suite, settings, stays=is_used) if suite.is_primary else (0, "")
        yield Files(suite, cassettes, baselines, list(_batches(folder, suite, collected)), uses)


def _uses(home: Path, suite: Suite, settings: Settings, *, stays: bool) -> tuple[int, str]:
    def is_old(suite_id: str) -> bool:
        return suite_id != suite.id and suite_folder(settings.cassettes, suite_id) == home

    return uses_of_moved(settings.cassettes / USES, is_old, suite.id, stays=stays)


def _batches(folder: Path, suite: Suite, collected: Collected) -> Iterator[tuple[SentBatch, set[str]]]:
    """Batches of the suite whose folder this is, or of the variant, with the files of what the new suite wants."""
    root = collected.settings.cassettes
    wanted = {
        other.key: {path.name for path in wanted_cassettes(other, collected.settings)} for other in collected.suites
    }
    for batch in sent_batches(root):
        suite_id, variant = split_key(batch.suite)
        is_same = suite_folder(root, suite_id) == folder and variant == (None if suite.is_primary else suite.variant)
        own = wanted[suite.key].intersection(batch.files) - wanted.get(batch.suite, set())
        is_lost = batch.id is None and not batch.is_queued and len(own) < len(batch.files)  # it is found by its name
        if (
            batch.suite != suite.key
            and (is_same or baseline_folder(root, batch.suite) == folder)
            and own
            and not is_lost
        ):
            yield batch, own


def _variant_source(folder: Path, suite: Suite, n_suites: int) -> Path:
    """The folder of the cassettes of a variant: that of its name, or the only one there is."""
    if any(folder.glob("*.yaml")):
        return folder
    named, others = folder / folder_name(suite.variant), [path for path in folder.glob("*") if path.is_dir()]
    return others[0] if not named.is_dir() and len(others) == 1 and n_suites == 1 else named


def _baselines(source: Path, suite: Suite, collected: Collected) -> Iterator[tuple[Path, Path, Baseline, Baseline]]:
    """Baseline and anchor: from where, to where, what moves, what stays."""
    settings = collected.settings
    target = baseline_folder(settings.cassettes, suite.key)
    own = {golden.case.id for golden in suite.cases}
    others = {golden.case.id for other in collected.suites if other.key != suite.key for golden in other.cases}
    is_used = any(baseline_folder(settings.cassettes, other.key) == source for other in collected.suites)
    for name in (BASELINE, ANCHOR) if source != target else ():
        if (baseline := read_movable(source / name, settings)) is not None:
            stays = others if is_used else others - own
            moved, left = split(baseline, suite.key, suite.variant, stays & baseline.entries.keys())
            if moved.entries:
                yield source / name, target / name, moved, left


def _check_free(moves: Iterable[Files], settings: Settings) -> None:
    """Make sure that nothing is overwritten, and that nothing lies outside of the folder of cassettes.

    Raises:
        CassetteError: a file is in the way.
    """
    for files in moves:
        pairs = [*files.cassettes.items(), *((source, target) for source, target, _, _ in files.baselines)]
        for source, target in pairs:
            check_inside(source, settings.cassettes)
            check_inside(target, settings.cassettes)
            if target.exists():
                raise CassetteError(target, f"is there already; delete it, or {os.path.relpath(source)}, first")


def _move(files: Files, settings: Settings) -> None:
    for source, target in files.cassettes.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
        except OSError as error:
            raise CassetteError(source, f"cannot be moved to {target}: {reason(error)}") from None
    for source, target, moved, left in files.baselines:
        write(target, moved, settings)
        write(source, left, settings)
    for batch, own in files.batches:
        batch.hand_over(settings.cassettes, files.suite.key, own)
    if files.uses[0]:
        write_uses(settings.cassettes / USES, files.uses[1])
    for source in (*files.cassettes, *(source for source, *_ in files.baselines)):
        drop_empty_folders(source.parent, settings.cassettes)


def _said(files: Files) -> str:
    names = [f"the {target.stem}" for _, target, _, _ in files.baselines]
    left = sum(len(left.entries) for _, target, _, left in files.baselines if target.name == BASELINE)
    if n := len(files.batches):
        names.append(count_batches(n))
    if files.uses[0]:
        names.append(f"{counted(files.uses[0], 'use')} of held-out cases")
    n_cassettes = sum(path.name != FORMULATIONS for path in files.cassettes)
    if n_cassettes or not names:
        names.insert(0, count_cassettes(n_cassettes))
    what = in_words(names)
    return f"moved {what} to {files.suite.key} ({files.suite.variant})" + (
        f"; {counted(left, 'accepted case')} {'stays' if left == 1 else 'stay'}" if left else ""
    )
