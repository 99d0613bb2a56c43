"""What retrieval brought: for each field, whether values that were missed occur in the passages of their case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.lints.documents import Document
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.lints.occurrence import Searchable
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import counted, some_names

_LEAST = 0.1  # of a field's missed values are not in the passages: then retrieval is at fault often enough to say so


class RetrievedField(NamedTuple):
    """The labelled values of one field under one variant that retrieves, nulls aside.

    Attributes:
        right: read correctly, whatever the passages hold.
        read_wrong: missed although the passages hold the value: the prompt or the model is at fault.
        not_retrieved: missed, and not in the passages, but in the document: retrieval is at fault.
        not_there: missed, and neither in the passages nor in the document, or the document is not at hand.
        unsearchable: missed, and cannot be searched for: a truth value, 0 and 1, a short code.
        cases: those with a value that was not retrieved.
    """

    variant: str
    field: str
    right: int = 0
    read_wrong: int = 0
    not_retrieved: int = 0
    not_there: int = 0
    unsearchable: int = 0
    cases: tuple[str, ...] = ()

    @property
    def missed(self) -> int:
        """All values that were not read correctly."""
        return self.read_wrong + self.not_retrieved + self.not_there + self.unsearchable


def retrieved_fields(suites: Sequence[SuiteResult], documents: Sequence[Document]) -> list[RetrievedField]:
    """Every labelled field of every variant that retrieves, in the schema's order.

    `documents` are those of the golden data, to tell what the passages left out.
    """
    known = {document.id: document.searchable for document in documents}
    retrieved = []
    for suite in suites:
        read = [case for case in suite.cases if case.passages is not None]
        searchable = {case.id: Searchable(case.passages) for case in read}
        for path in suite.paths:
            counts, cases = _count(read, path, searchable, known)
            if counts:
                retrieved.append(RetrievedField(suite.variant, path, **counts, cases=cases))
    return retrieved


def _count(
    cases: Sequence[CaseResult], path: str, passages: dict[str, Searchable], documents: dict[str, Searchable]
) -> tuple[Counter[str], tuple[str, ...]]:
    counts: Counter[str] = Counter()
    not_retrieved: dict[str, None] = {}
    for case in cases:
        for sample in case.samples:
            for leaf in sample.leaves.get(path, ()):
                if leaf.expected is None:
                    continue
                document = documents.get(case.id, Searchable(None))
                place = "right" if leaf.outcome in RIGHT else _place(leaf.expected, passages[case.id], document)
                counts[place] += 1
                if place == "not_retrieved":
                    not_retrieved[case.id] = None
    return counts, tuple(not_retrieved)


def _place(value: Any, passages: Searchable, document: Searchable) -> str:
    holds = passages.holds(value)
    if holds is None:
        return "unsearchable"
    if holds:
        return "read_wrong"
    return "not_retrieved" if document.holds(value) else "not_there"


def lint_retrieval(fields: Sequence[RetrievedField]) -> Iterator[Finding]:
    """Fields that retrieval is at fault for: their passages lack values that the documents have."""
    for one in fields:
        if one.not_retrieved and one.not_retrieved >= _LEAST * one.missed:
            missed = counted(one.missed, "missed value")
            what = f"{one.variant}: of {missed}, {one.not_retrieved} not in the passages"
            more = f"; {one.read_wrong} in the passages, read wrong" if one.read_wrong else ""
            yield Finding("not_retrieved", one.cases, f"{what} though in the document{more}", one.field)


def retrieval_lines(fields: Sequence[RetrievedField]) -> list[str]:
    """One line a variant: of the values that it misses, how many its passages hold."""
    lines = []
    for variant in dict.fromkeys(found.variant for found in fields):
        mine = [found for found in fields if found.variant == variant]
        missed = sum(found.missed for found in mine)
        held, absent = sum(found.read_wrong for found in mine), sum(found.not_retrieved for found in mine)
        worst = [found.field for found in sorted(mine, key=lambda found: -found.not_retrieved) if found.not_retrieved]
        where = f" ({some_names(worst[:3])})" if worst else ""
        lines.append(
            f"{variant}: of {counted(missed, 'missed value')}, {absent} not in the passages though in the document"
            f"{where}, {held} in the passages and read wrong"
        )
    return lines
