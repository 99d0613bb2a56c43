"""Which accepted answers a suite is compared with: the committed ones, a file's, or those of another revision."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pytest_llm_extract.baseline import file as files
from pytest_llm_extract.baseline.file import Baseline, Entry
from pytest_llm_extract.baseline.names import ANCHOR, BASELINE, shown_path
from pytest_llm_extract.cassette.names import suite_folder
from pytest_llm_extract.config import Settings
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.git import Revision
from pytest_llm_extract.suite_result import AcceptedRun


@dataclass(frozen=True)
class AcceptedAnswers:
    """A suite's baseline and anchor, and the baseline that is committed here, which may be another one."""

    baseline: Baseline | None = None
    anchor: Baseline | None = None
    committed: Baseline | None = None
    sources: dict[str, str] = field(default_factory=dict)

    def entries(self, case: str) -> tuple[Entry | None, Entry | None]:
        """A case's accepted answers: the baseline's, and the anchor's where those are others."""
        baseline = self.baseline.entries.get(case) if self.baseline else None
        anchor = self.anchor.entries.get(case) if self.anchor and not self._same else None
        return baseline, anchor

    def runs(self, dataset_ids: Collection[str]) -> tuple[AcceptedRun | None, AcceptedRun | None]:
        """Baseline and anchor as the gate needs to know them."""
        return self._run("baseline", self.baseline, dataset_ids), self._run("anchor", self.anchor, dataset_ids)

    def _run(self, name: str, found: Baseline | None, dataset_ids: Collection[str]) -> AcceptedRun | None:
        if found is None:
            return None
        known = set(dataset_ids)
        gone = {case: entry.outcomes for case, entry in sorted(found.entries.items()) if case not in known}
        committed = self.committed or found
        return AcceptedRun(
            source=self.sources[name],
            fields=found.fields,
            gone=gone,
            dropped=frozenset(gone.keys() - committed.entries.keys()),
            dropped_fields=frozenset(found.fields).difference(committed.fields),
            dropped_labels=found.labelled - committed.labelled,
            same_as_baseline=name == "anchor" and self._same,
            history=found.history,
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


def find_accepted(suite_id: str, settings: Settings) -> AcceptedAnswers:
    """Read a suite's accepted answers.

    Raises:
        BaselineError: a file that is no baseline.
        GitError: the revision cannot be had.
    """
    folder = suite_folder(settings.cassettes, suite_id)
    baseline, anchor = folder / BASELINE, folder / ANCHOR
    committed = files.load(baseline, shown_path(baseline, settings.rootdir))
    sources = {"baseline": shown_path(baseline, settings.rootdir), "anchor": shown_path(anchor, settings.rootdir)}
    if settings.baseline is not None and settings.baseline.startswith("git:"):
        revision = Revision.branched_from(settings.baseline.removeprefix("git:"), settings.rootdir)
        found = {name: _of_revision(revision, Path(source)) for name, source in sources.items()}
        return AcceptedAnswers(found["baseline"], found["anchor"], committed, dict.fromkeys(sources, str(revision)))
    chosen = committed
    if settings.baseline is not None:
        other = given_file(settings)
        if other is not None and other.suite == suite_id:
            chosen, sources["baseline"] = other, settings.baseline
    return AcceptedAnswers(chosen, files.load(anchor, shown_path(anchor, settings.rootdir)), committed, sources)


def given_file(settings: Settings) -> Baseline | None:
    """The baseline that --llm-extract-baseline names as a file; None where it names a revision, or nothing.

    Raises:
        BaselineError: there is no such file, or it is no baseline.
    """
    if settings.baseline is None or settings.baseline.startswith("git:"):
        return None
    found = files.load(settings.rootdir / settings.baseline, settings.baseline)
    if found is None:
        raise BaselineError(settings.baseline, "there is no such baseline; name a file, or git:REV")
    return found


def check_source(settings: Settings) -> None:
    """Whether --llm-extract-baseline names something that is there.

    Raises:
        LlmExtractError: it does not.
    """
    if settings.baseline is not None and settings.baseline.startswith("git:"):
        Revision.branched_from(settings.baseline.removeprefix("git:"), settings.rootdir)
    else:
        given_file(settings)


def _of_revision(revision: Revision, path: Path) -> Baseline | None:
    text = revision.read(path)
    return None if text is None else files.parse(text, f"{revision}:{path.as_posix()}")
