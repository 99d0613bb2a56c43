"""The baseline or anchor of a suite that moved, or of a part of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.find import load_own
from pytest_llm_extract.baseline.paths import shown_path
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.errors import BaselineError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically


def split(old: Baseline, suite: str, variant: str, stays: Collection[str]) -> tuple[Baseline, Baseline]:
    """What another suite, named by its key, takes over of a baseline, and what is left of it: the cases in `stays`."""
    taken = {case: entry for case, entry in old.entries.items() if case not in stays}
    left = {case: entry for case, entry in old.entries.items() if case in stays}
    return _with(replace(old, suite=suite, variant=variant), taken), _with(old, left)


def _with(old: Baseline, entries: dict[str, Entry]) -> Baseline:
    *before, last = old.history or ({},)
    history = (*before, {**last, "n_rows": len(entries)}) if last else ()
    return replace(old, entries=entries, history=history)


def read_movable(path: Path, settings: Settings) -> Baseline | None:
    """A baseline that may be written anew; None where there is none.

    Raises:
        BaselineError: it is damaged, or was edited by hand, which a new checksum would hide.
    """
    baseline = load_own(path, settings)
    if baseline is not None and baseline.is_edited:
        name = shown_path(path, settings.rootdir)
        raise BaselineError(
            name, "was edited by hand, and moving it would hide that: undo the edit, or accept anew first"
        )
    return baseline


def write(path: Path, baseline: Baseline, settings: Settings) -> None:
    """Write a baseline; delete its file where it has no case left.

    Raises:
        BaselineError: that cannot be done.
    """
    try:
        if baseline.entries:
            write_atomically(path, baseline.to_text())
        else:
            path.unlink()
    except OSError as error:
        raise BaselineError(shown_path(path, settings.rootdir), f"cannot be written: {reason(error)}") from None
