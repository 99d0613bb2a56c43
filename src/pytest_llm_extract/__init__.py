"""Make LLM extraction testable: recorded answers, per-field accuracy, a build that fails."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llm_extract.corpus.score_partition import score_partition
    from pytest_llm_extract.corpus.totals import Totals
    from pytest_llm_extract.dataset.case import Case
    from pytest_llm_extract.extraction.extraction import Extraction
    from pytest_llm_extract.results.case_result import CaseResult
    from pytest_llm_extract.results.outcome import Outcome
    from pytest_llm_extract.rules.comparators import (
        Aliases,
        Align,
        AnyOf,
        DateText,
        Ignore,
        Null,
        NumberText,
        Ordered,
        Text,
        Tolerance,
    )
    from pytest_llm_extract.rules.leave_one_out import LeaveOneOut
    from pytest_llm_extract.rules.limits import Floor, Gate, Waiver
    from pytest_llm_extract.rules.variants import Variant, ablate
    from pytest_llm_extract.scoring.score import score

__all__ = [
    "Aliases",
    "Align",
    "AnyOf",
    "Case",
    "CaseResult",
    "DateText",
    "Extraction",
    "Floor",
    "Gate",
    "Ignore",
    "LeaveOneOut",
    "Null",
    "NumberText",
    "Ordered",
    "Outcome",
    "Text",
    "Tolerance",
    "Totals",
    "Variant",
    "Waiver",
    "ablate",
    "score",
    "score_partition",
]
_ELSEWHERE = {
    "Case": "dataset.case",
    "CaseResult": "results.case_result",
    "Extraction": "extraction.extraction",
    "Floor": "rules.limits",
    "Gate": "rules.limits",
    "LeaveOneOut": "rules.leave_one_out",
    "Outcome": "results.outcome",
    "Totals": "corpus.totals",
    "Variant": "rules.variants",
    "Waiver": "rules.limits",
    "ablate": "rules.variants",
    "score": "scoring.score",
    "score_partition": "corpus.score_partition",
}


def __getattr__(name: str) -> Any:
    # Lazy: pytest imports this package in every run, also where no suite of ours is.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"pytest_llm_extract.{_ELSEWHERE.get(name, 'rules.comparators')}"), name)
