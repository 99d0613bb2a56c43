"""One suite of a run, as the main process receives it, and which of its new files git ignores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llm_extract.config.settings import Settings
    from pytest_llm_extract.gate.decide import Decision
    from pytest_llm_extract.results.case_report import CaseNote
    from pytest_llm_extract.results.case_result import CaseResult
    from pytest_llm_extract.results.suite_result import SuiteResult


@dataclass
class SuiteRun:
    """The facts about one suite of this run; `place` is where pytest collected it."""

    head: SuiteResult
    lost: dict[str, dict[str, Any]]
    place: tuple[int, int]
    results: dict[str, CaseResult] = field(default_factory=dict)
    notes: dict[str, CaseNote] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    decision: Decision | None = None

    @property
    def title(self) -> str:
        """The heading of its section."""
        return f"llm-extract: {self.head.id} ({self.head.variant})"

    def shows(self, reasons: Sequence[str]) -> str | None:
        """The heading of its section if that has all of these reasons; None where some would be shown nowhere."""
        return self.title if set(reasons) <= set(self.decided.reasons) else None

    @property
    def suite(self) -> SuiteResult:
        """The suite with the results received so far, in the order of the golden data."""
        return self.head.with_cases(self.results)

    @property
    def decided(self) -> Decision:
        """The gate's decision; a summary without a verdict where nothing was gated."""
        from pytest_llm_extract.gate.decide import summarize_only

        return self.decision or summarize_only(self.suite)


def ignored_files(runs: Iterable[SuiteRun], settings: Settings) -> list[str]:
    """A note on the first file that this run wrote and that git ignores; nothing where it wrote none."""
    from pytest_llm_extract.baseline.paths import shown_path
    from pytest_llm_extract.git import ignored_by

    for path in _written(runs, settings):
        if (where := ignored_by(path, settings.rootdir)) is not None:
            shown = shown_path(path, settings.rootdir)
            return [f"git ignores {shown} ({where}), so CI and others will not have it: take it out of that file"]
    return []


def _written(runs: Iterable[SuiteRun], settings: Settings) -> Iterator[Path]:
    """A cassette, and the baseline, of each suite that recorded or accepted."""
    from pytest_llm_extract.baseline.paths import BASELINE
    from pytest_llm_extract.config.suite_folders import baseline_folder

    for run in runs:
        recorded = (run.results[case].cassette for case, note in run.notes.items() if note.n_recorded)
        if (cassette := next(recorded, None)) is not None:
            yield settings.rootdir / cassette
        if run.said:
            yield baseline_folder(settings.cassettes, run.head.key) / BASELINE
