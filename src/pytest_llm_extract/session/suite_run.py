"""The facts about one suite of a run, as the main process receives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
