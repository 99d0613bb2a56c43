"""Labels that every variant contradicts in the same way: the label is the likelier mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_llm_extract.lints.documents import Document
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT, is_through_a_list
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.scoring.compare.texts import normal_text

_LEAST = 2  # variants that agree with each other


def lint_suspects(suites: Sequence[SuiteResult], documents: Sequence[Document]) -> Iterator[Finding]:
    """Cases in which all variants give one value that is not the label, and that occurs in the document."""
    if len(suites) < _LEAST:
        return
    answers = [{case.id: case for case in suite.cases} for suite in suites]
    for document in documents:
        cases = [of_suite[document.id] for of_suite in answers if document.id in of_suite]
        if len(cases) < len(suites):
            continue
        for path in document.gold:
            agreed = None if is_through_a_list(path) else _agreed(cases, path)
            if agreed is not None and document.searchable.holds(agreed) is True:
                gold = document.gold[path][0]
                yield Finding(
                    "label_suspect",
                    (document.id,),
                    f"gold {_shown(gold)}, all {len(cases)} variants {_shown(agreed)}",
                    path,
                    evidence=json.dumps([gold, agreed]),
                )


def _agreed(cases: Sequence[CaseResult], path: str) -> Any:
    """The value that every sample of every variant gives in place of the label; None where they do not agree."""
    agreed: dict[str, Any] = {}
    for case in cases:
        for sample in case.samples:
            leaves = sample.leaves.get(path, ())
            if len(leaves) != 1 or leaves[0].outcome in RIGHT or leaves[0].actual is None:
                return None
            actual = leaves[0].actual
            agreed.setdefault(normal_text(actual) if isinstance(actual, str) else json.dumps(actual), actual)
    return next(iter(agreed.values())) if len(agreed) == 1 else None


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
