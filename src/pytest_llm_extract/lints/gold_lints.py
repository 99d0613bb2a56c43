"""Lints of gold: values that documents lack, labels that contradict or are contradicted, fields that say little."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_llm_extract.lints.document_lints import Twins
from pytest_llm_extract.lints.documents import Document
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.lints.occurrence import FOLDED
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT, is_through_a_list
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.scoring.compare.texts import folded, normal_text
from pytest_llm_extract.wording import count_cases

_COPIED = 0.5  # a field is copied from documents if at least so many of its values occur there
_FEW = 20  # cases that label a field: fewer decide nothing
_FEW_VALUES = 5  # cases in which it has a value
_AGREE = 2  # variants, at least, that contradict a label in the same way


def lint_fields(documents: Sequence[Document], paths: Sequence[str]) -> Iterator[Finding]:
    """Fields that few cases label, and fields with one and the same label."""
    if len(documents) < _FEW:
        return
    for path in paths:
        labelled = [document for document in documents if path in document.gold]
        values = [document for document in labelled if any(value is not None for value in document.gold[path])]
        ids = tuple(document.id for document in (values or labelled))
        seen = {json.dumps(document.gold[path]) for document in labelled}
        if not labelled:
            continue
        if len(labelled) < _FEW:
            yield Finding("few_labels", ids, f"labelled in {count_cases(len(labelled))} only", path)
        elif len(seen) == 1:
            yield Finding("constant_label", ids, f"{_shown(labelled[0].gold[path][0])} in every case", path)
        elif len(values) < _FEW_VALUES:
            what = f"null in all but {count_cases(len(values))} of {len(labelled)}: an empty answer is nearly right"
            yield Finding("few_labels", ids, what, path)


def lint_gold(documents: Sequence[Document], paths: Sequence[str]) -> Iterator[Finding]:
    """Gold values that do not occur in their documents; one finding for a field that is not copied at all."""
    for path in paths:
        values = [(d, v, d.searchable.holds(v)) for d in documents for v in d.gold.get(path, ())]
        searched = [(document, value, holds) for document, value, holds in values if holds is not None]
        absent = [(document, value) for document, value, holds in searched if not holds]
        if len(searched) - len(absent) < _COPIED * len(searched):
            if len(absent) >= _FEW_VALUES:
                ids = tuple(dict.fromkeys(document.id for document, _ in absent))
                what = f"{len(absent)} of {len(searched)} gold values do not occur in their documents"
                yield Finding("not_copied", ids, f"{what}: a category, computed, or wrong", path)
            continue
        for document, value in absent:
            yield Finding("gold_not_in_document", (document.id,), f"{_shown(value)}", path, evidence=json.dumps(value))


def lint_contradictions(twins: Twins) -> Iterator[Finding]:
    """Gold that differs between documents that are the same, or that would fit both."""
    for one, other, ratio in twins:
        for path in one.gold:
            mine, theirs = one.gold[path], other.gold.get(path)
            if theirs is None or _same(mine, theirs):
                continue
            if ratio == 100 or (_fits(theirs, one) and _fits(mine, other)):
                yield Finding(
                    "gold_contradicts",
                    (one.id, other.id),
                    f"{_shown(_one(mine))} and {_shown(_one(theirs))} in documents that are {ratio:.0f}% the same",
                    path,
                    shown=(one.text or "", other.text or ""),
                    evidence=json.dumps([mine, theirs]),
                )


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two labels are alike but for case, accents and punctuation, which two prints may differ in."""
    texts = (json.dumps(values, ensure_ascii=False, sort_keys=True) for values in (one, other))
    return len({folded(text.replace("\\n", " "), FOLDED) for text in texts}) == 1


def _fits(values: tuple[Any, ...], document: Document) -> bool:
    """Whether another document's gold could be this one's: every value occurs in it."""
    return all(value is None or document.searchable.holds(value) is True for value in values)


def _one(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def lint_suspects(suites: Sequence[SuiteResult], documents: Sequence[Document]) -> Iterator[Finding]:
    """Cases in which all variants give one value that is not the label, and that occurs in the document."""
    if len(suites) < _AGREE:
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
                    f"gold {_shown(gold, 60)}, all {len(cases)} variants {_shown(agreed, 60)}",
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


def _shown(value: Any, longest: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
