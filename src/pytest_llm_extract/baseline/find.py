"""Which accepted answers a suite is compared with: the committed ones, a file's, or those of another revision."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.paths import ANCHOR, BASELINE, shown_path, suite_of_header
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import baseline_folder
from pytest_llm_extract.errors import BaselineError, LlmExtractError
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.suite_result import AcceptedRun

_MEND = (
    "after a merge, take one side (git checkout --ours or --theirs FILE), or delete the file and accept again with "
    "--llm-extract-accept"
)


@dataclass(frozen=True)
class AcceptedAnswers:
    """A suite's baseline and anchor, and the baseline that is committed here, which may be another one.

    `lacking` says where no baseline was found, if there is one here.
    """

    baseline: Baseline | None = None
    anchor: Baseline | None = None
    committed: Baseline | None = None
    sources: dict[str, str] = field(default_factory=dict)
    lacking: str | None = None

    def entries(self, case: str) -> tuple[Entry | None, Entry | None]:
        """The accepted answers of a case: the baseline's, then the anchor's if it differs."""
        baseline = self.baseline.entries.get(case) if self.baseline else None
        anchor = self.anchor.entries.get(case) if self.anchor and not self._same else None
        return baseline, anchor

    def runs(self, dataset_ids: Collection[str]) -> tuple[AcceptedRun | None, AcceptedRun | None]:
        """Baseline and anchor in the form that the gate uses."""
        return self._run("baseline", self.baseline, dataset_ids), self._run("anchor", self.anchor, dataset_ids)

    def _run(self, name: str, accepted: Baseline | None, dataset_ids: Collection[str]) -> AcceptedRun | None:
        if accepted is None:
            return None
        known = set(dataset_ids)
        gone = {case: entry.then for case, entry in sorted(accepted.entries.items()) if case not in known}
        committed = self.committed or accepted
        return AcceptedRun(
            source=self.sources[name],
            fields=accepted.fields,
            gone=gone,
            dropped=frozenset(gone.keys() - committed.entries.keys()),
            dropped_fields=frozenset(accepted.fields).difference(committed.fields),
            dropped_labels=accepted.labelled - committed.labelled,
            same_as_baseline=name == "anchor" and self._same,
            history=accepted.history,
            judged_by=accepted.judged_by,
            is_edited=accepted.is_edited,
        )

    @cached_property
    def _same(self) -> bool:
        if self.baseline is None or self.anchor is None:
            return False
        mine, theirs = self.baseline.entries, self.anchor.entries
        return all(
            (own.text, own.status) == (other.text, other.status)
            for case, entry in theirs.items()
            if case in mine
            for own, other in zip(mine[case].samples, entry.samples, strict=False)
        )


class Sought(NamedTuple):
    """The suite to find accepted answers for: its key, and what identifies it if the key is new."""

    key: str
    variant: str
    cases: frozenset[str]


def find_accepted(suite: Sought, settings: Settings) -> AcceptedAnswers:
    """Read a suite's accepted answers.

    Raises:
        BaselineError: a file that is not a baseline.
        GitError: the revision cannot be had.
    """
    folder = baseline_folder(settings.cassettes, suite.key)
    baseline, anchor = folder / BASELINE, folder / ANCHOR
    committed = load_own(baseline, settings)
    sources = {"baseline": shown_path(baseline, settings.rootdir), "anchor": shown_path(anchor, settings.rootdir)}
    revision = revision_of(settings)
    if revision is not None:
        return _of_revision(revision, Path(sources["baseline"]), suite, committed, settings)
    chosen = committed
    if settings.baseline is not None:
        other = given_file(settings)
        if other is not None and other.suite == suite.key:
            chosen, sources["baseline"] = other, settings.baseline
    return AcceptedAnswers(chosen, load_own(anchor, settings), committed, sources)


def load_own(path: Path, settings: Settings) -> Baseline | None:
    """Read the suite's own baseline or anchor, which an acceptance replaces; None if it does not exist.

    Raises:
        BaselineError: it is none, and what can be done about it.
    """
    try:
        return files.load(path, shown_path(path, settings.rootdir))
    except BaselineError as error:
        raise BaselineError(error.source, f"{error.problem}; {_MEND}") from None


def _of_revision(
    revision: Revision, own: Path, suite: Sought, committed: Baseline | None, settings: Settings
) -> AcceptedAnswers:
    """The baseline of a revision at the suite's own path, else that of a suite which has moved."""
    path, baseline = own, read_at(revision, own)
    if baseline is None:
        path, baseline = _moved(revision, own, suite, settings) or (own, None)
    source = str(revision) if path == own else revision.named(path)
    lacking = f"{revision} has no baseline at {own.as_posix()}" if baseline is None and committed is not None else None
    anchor = read_at(revision, path.with_name(ANCHOR))
    return AcceptedAnswers(baseline, anchor, committed, {"baseline": source, "anchor": source}, lacking)


def _moved(revision: Revision, own: Path, suite: Sought, settings: Settings) -> tuple[Path, Baseline] | None:
    """The baseline of a missing suite that shares most cases with this suite, and has not moved to another place.

    It shares at least half of the cases of the smaller side, and more than any other; of such as share as many, it is
    the one of the same variant, and then the one whose path is most like the suite's own.
    """
    moved = []
    for path in _not_here(revision):
        with suppress(LlmExtractError):  # a damaged one is nobody's
            baseline = read_at(revision, path)
            shared = len(suite.cases & baseline.entries.keys()) if baseline else 0
            if not baseline or _is_elsewhere(baseline, own, revision, settings):
                continue
            if 2 * shared >= min(len(suite.cases), len(baseline.entries)) > 0:
                alike = len({*path.parts} & {*own.parts})
                moved.append(((shared, baseline.variant == suite.variant, alike), path, baseline))
    return max(moved, key=lambda one: one[0])[1:] if moved else None


def _is_elsewhere(baseline: Baseline, own: Path, revision: Revision, settings: Settings) -> bool:
    """Whether a file that the revision does not have, other than a suite's own, continues this baseline."""
    for file in settings.cassettes.rglob(BASELINE):
        path = Path(shown_path(file, settings.rootdir))
        if path != own and revision.read(path) is None:
            with suppress(LlmExtractError):
                here = files.load(file, path.as_posix())
                if here is not None and here.continues(baseline):
                    return True
    return False


def left_behind(settings: Settings, sources: Collection[str]) -> dict[str, str]:
    """A note on each baseline of the revision whose suite is not here and that is none of `sources`, with that suite.

    Raises:
        GitError: the revision cannot be had.
    """
    revision = revision_of(settings)
    if revision is None:
        return {}
    left = {}
    for path in _not_here(revision):
        suite = None if revision.named(path) in sources else suite_of_header(revision.read(path) or "")
        if suite is not None:
            left[f"{revision} has a baseline of a suite that is not here: {path.as_posix()}"] = suite
    return left


def _not_here(revision: Revision) -> list[Path]:
    """The baselines of a revision that are missing in the work tree."""
    return [path for path in revision.files(".", BASELINE) if not (revision.folder / path).exists()]


def revision_of(settings: Settings) -> Revision | None:
    """The revision that --llm-extract-baseline names; None for a file or an unset option.

    Raises:
        GitError: it cannot be had.
    """
    if settings.baseline is None or not settings.baseline.startswith("git:"):
        return None
    return Revision.branched_from(settings.baseline.removeprefix("git:"), settings.rootdir)


def given_file(settings: Settings) -> Baseline | None:
    """The baseline that --llm-extract-baseline names as a file; None for a revision or an unset option.

    Raises:
        BaselineError: there is no such file, or it is not a baseline.
    """
    if settings.baseline is None or settings.baseline.startswith("git:"):
        return None
    baseline = files.load(settings.rootdir / settings.baseline, settings.baseline)
    if baseline is None:
        raise BaselineError(settings.baseline, "there is no such baseline; name a file, or git:REV")
    return baseline


def read_at(revision: Revision, path: Path) -> Baseline | None:
    """Read the baseline that a revision has at a path; None where it has none.

    Raises:
        BaselineError: it cannot be used.
    """
    text = revision.read(path)
    return None if text is None else files.parse(text, revision.named(path))
