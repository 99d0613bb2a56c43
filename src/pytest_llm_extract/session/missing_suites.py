"""Report suites that have a baseline, here or on the base branch, and did not run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from pytest_llm_extract.baseline.paths import BASELINE, shown_path, suite_of, suites_by_baseline
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import baseline_folder
from pytest_llm_extract.session import run_scope
from pytest_llm_extract.session.run_counts import RunCounts
from pytest_llm_extract.session.stash import suite_and_case


@dataclass(frozen=True)
class Absent:
    """Of one run: `ran` are the suites with results and the ids of their cases, `gated` those with a verdict."""

    session: pytest.Session
    settings: Settings
    ran: Mapping[str, Collection[str]]
    gated: Sequence[str]
    counts: RunCounts

    def reasons(self) -> dict[str, list[str]]:
        """The reasons why suites that did not run fail this run, by suite."""
        used = self._baselines_in_use()
        reasons = {suite_id: [reason] for suite_id, reason in self._disappeared(used).items()}
        for suite_id, reason in self._not_compared(used).items():
            reasons.setdefault(suite_id, []).append(reason)
        return reasons

    def left_behind(self, sources: set[str]) -> list[str]:
        """Notes on suites of the base branch that are not here, with their baselines; nobody else would say so.

        `sources` are the baselines that suites of this run were compared with.
        """
        asked = self.settings.baseline
        if asked is None or not asked.startswith("git:") or self.counts.n_uncollected or self._is_narrowed:
            return []
        from pytest_llm_extract.baseline.find import left_behind
        from pytest_llm_extract.errors import GitError

        try:
            return [note for note, suite in left_behind(self.settings, sources).items() if self._is_looked_at(suite)]
        except GitError as error:
            return [str(error)]

    def _disappeared(self, used: set[Path]) -> dict[str, str]:
        """Suites that have a baseline and are gone, or left out of a run that is required to be complete."""
        required = self.settings.require_complete
        if self.counts.n_uncollected or (self._is_narrowed and not required):
            return {}
        left_out = required and (self._is_narrowed or any("::" in given for given in self.session.config.args))
        words = "the suite did not run, and the run is required to be complete"
        return {
            suite_id: words if left_out else self._gone(suite_id, shown_path(path, self.settings.rootdir))
            for path, suite_id in suites_by_baseline(self.settings.cassettes).items()
            if path not in used and self._is_looked_at(suite_id)
        }

    def _gone(self, suite_id: str, baseline: str) -> str:
        module = suite_id.split("::")[0]
        if module in self.counts.skipped:
            return (
                f"its module was skipped at its import ({self.counts.skipped[module]}), but its baseline is there: "
                f"give the module what it needs, or leave it out with --ignore={module}"
            )
        if (new := self._moved_to(self.settings.rootdir / baseline)) is not None:
            return f"suite gone, but its baseline is there, and its cases are in {new}: llm-extract mv {suite_id} {new}"
        return (
            "suite gone, but its baseline is there: put the suite back; "
            f"or, if it moved, llm-extract mv {suite_id} NEW; or, if it was dropped on purpose, delete {baseline}"
        )

    def _moved_to(self, path: Path) -> str | None:
        """The suite of this run that has most of a baseline's cases, and no baseline of its own."""
        from pytest_llm_extract.baseline.file import load
        from pytest_llm_extract.errors import BaselineError

        try:
            baseline = load(path, path.name)
        except BaselineError:
            return None
        ids = baseline.entries.keys() if baseline else set()
        shared = {
            key: len(ids & set(cases))
            for key, cases in self.ran.items()
            if not (baseline_folder(self.settings.cassettes, key) / BASELINE).exists()
        }
        best = max(shared, key=lambda key: shared[key], default=None)
        return best if best is not None and 0 < len(ids) <= 2 * shared[best] else None

    def _not_compared(self, used: set[Path]) -> dict[str, str]:
        """The suite of the baseline that was asked for, if it did not run and the gates of others did without it.

        A file in the ini is for whenever its suite runs.
        """
        asked = self.settings.baseline if self.session.config.getoption("llm_extract_baseline_flag") else None
        if asked is None or asked.startswith("git:") or not self.gated or self.counts.n_uncollected:
            return {}
        path = self.settings.rootdir / asked
        suite_id = suite_of(path)
        if suite_id is None or suite_id in self.ran or path in used:
            return {}
        name, others = shown_path(path, self.settings.rootdir), ", ".join(self.gated)
        reason = (
            f"{name} is the baseline of {suite_id}, of which no case ran, and nothing was compared with it: run that "
            f"suite, name the baseline of one that runs ({others}), or leave --llm-extract-baseline out"
        )
        return {suite_id: reason}

    def _baselines_in_use(self) -> set[Path]:
        """Where the suites of this run have their baselines, whatever name is in those: they may have moved."""
        collected = map(suite_and_case, getattr(self.session, "items", ()))  # of which there are none beside workers
        known = {found[0].key for found in collected if found is not None}.union(self.ran)
        return {baseline_folder(self.settings.cassettes, key) / BASELINE for key in known}

    @property
    def _is_narrowed(self) -> bool:
        return bool(self.counts.n_deselected) or run_scope.is_narrowed(self.session.config)

    def _is_looked_at(self, suite_id: str) -> bool:
        module, required = self.settings.rootdir / suite_id.split("::")[0], self.settings.require_complete
        if run_scope.is_looked_at(module, self.session.config, in_modules=required):
            return True
        return required and any(module.is_relative_to(self.settings.rootdir / path) for path in self._base_paths)

    @cached_property
    def _base_paths(self) -> list[str]:
        """Where the base branch looks for tests, if this run looks where the settings of this branch say."""
        from pytest_llm_extract.base_branch.configuration import test_paths
        from pytest_llm_extract.baseline.find import revision_of

        if not run_scope.looks_where_settings_say(self.session.config):
            return []
        revision = revision_of(self.settings)
        return [] if revision is None else test_paths(revision)
