"""Make LLM extraction testable: recorded answers, per-field accuracy, a build that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llm_extract.outcome import CaseResult, Outcome
    from pytest_llm_extract.runner import Extraction
    from pytest_llm_extract.scoring import score

__all__ = ["CaseResult", "Extraction", "Outcome", "score"]


def __getattr__(name: str) -> Any:
    # Lazy: pytest imports this package in every run, also where no suite of ours is.
    if name == "score":
        from pytest_llm_extract.scoring import score

        return score
    if name == "Extraction":
        from pytest_llm_extract.runner import Extraction

        return Extraction
    if name in ("CaseResult", "Outcome"):
        from pytest_llm_extract import outcome

        return getattr(outcome, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
