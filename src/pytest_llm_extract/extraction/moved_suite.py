"""A suite whose cassettes lie in the folder of another one: its module, function or variant was renamed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_llm_extract.cassette.file.directory import recordings
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import suite_folder, variant_folder
from pytest_llm_extract.extraction.call import replay
from pytest_llm_extract.extraction.job import Job

_MOST_TRIED = 3  # folders that have a cassette of the case


def moved_from(job: Job, function: Callable[[], Any], settings: Settings) -> str | None:
    """Where the cassette of a case lies that has none, if its suite moved: as the first argument of `llm-extract mv`.

    The cassette there has to fit by its fingerprints. A folder of a test that is still there is not looked at.

    Args:
        job: the sample that has no cassette.
        function: what extracts it, which is run against each cassette that is tried.
        settings: those of the run.
    """
    own = job.path(settings)
    if own.parent.exists():
        return None
    slot = job.slot(settings)
    # By the identity of the cases too: another run in this process may find other files.
    folders = _by_name(settings.cassettes, id(job.suite.cases)).get(own.name, ())
    living = {variant_folder(settings.cassettes, job.suite.id, name) for name in job.suite.others}
    elsewhere = [
        path
        for path in folders
        if path.parent not in living and (path.parent.parent == own.parent.parent or not _is_there(path, settings))
    ]
    for path in elsewhere[:_MOST_TRIED]:
        if replay(function, slot._replace(path=path)).problem is None:
            return _argument(path, own, settings)
    return None


@lru_cache(maxsize=8)
def _by_name(root: Path, _cases: int) -> dict[str, list[Path]]:
    folders: dict[str, list[Path]] = {}
    for path in recordings(root):
        folders.setdefault(path.name, []).append(path)
    return folders


def suite_id_of(folder: Path, settings: Settings) -> str | None:
    """The id of the suite whose cassettes lie in a folder; None where the folder's name does not say."""
    *module, name = folder.relative_to(settings.cassettes).parts
    suite_id = f"{'/'.join(module)}.py::{name.replace('.', '::')}"
    return suite_id if module and suite_folder(settings.cassettes, suite_id) == folder else None


def _is_there(path: Path, settings: Settings) -> bool:
    """Whether the test whose cassette this is is still in its module, as far as a look at the file can say."""
    suite_id = suite_id_of(path.parent.parent, settings)
    if suite_id is None:
        return True
    module, _, name = suite_id.partition("::")
    try:
        return f"def {name.rpartition('::')[2]}(" in (settings.rootdir / module).read_text("utf-8", "replace")
    except OSError:
        return False


def _argument(path: Path, own: Path, settings: Settings) -> str:
    folder = path.parent if path.parent.parent == own.parent.parent else path.parent.parent
    suite_id = None if folder == path.parent else suite_id_of(folder, settings)
    return suite_id or folder.relative_to(settings.rootdir).as_posix()
