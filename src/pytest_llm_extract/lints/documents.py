"""Documents with their gold, as lints look at them: from a run's results, or from a suite that was collected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.lints.occurrence import Searchable
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Status, is_through_a_list
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import lost_answer
from pytest_llm_extract.scoring.score import score_answer

# What a result has in place of a document that is not text.
_FILE_NAME = re.compile(r".{1,300}\.(pdf|png|jpe?g|tiff?|webp|gif|bmp|docx?|xlsx?)", re.IGNORECASE)


class Document(NamedTuple):
    """One case: its document as a string, and its gold.

    `text` is None for a file that is not text. `gold` holds, by field path, the values that are labelled, as JSON;
    None among them says that the document does not have it.
    """

    id: str
    text: str | None
    gold: dict[str, tuple[Any, ...]]
    group: str | None
    searchable: Searchable


def read_document(case: CaseResult) -> Document:
    """The document and the gold of a case, as its result has them."""
    text = None if case.input is None else _as_text(case.input)
    if text is not None and _FILE_NAME.fullmatch(text):
        text = None
    gold = {path: _gold(path, case) for path in case.leaves}
    return Document(case.id, text, {p: values for p, values in gold.items() if values}, case.group, Searchable(text))


def _gold(path: str, case: CaseResult) -> tuple[Any, ...]:
    """The labelled values of a field; through a list, a null that stands for a row too many is none."""
    leaves = case.leaves[path]
    if is_through_a_list(path):
        return tuple(leaf.expected for leaf in leaves if leaf.expected is not None)
    return tuple(leaf.expected for leaf in leaves)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def golden_documents(schema: Schema, cases: Iterable[GoldenCase]) -> list[Document]:
    """The documents of cases that did not run."""
    documents = []
    for golden in cases:
        case = golden.case
        lost = lost_answer(Status.MISSING, None)
        scored = score_answer(
            schema, golden.gold, lost, case_id=case.id, input=as_json(case.shown_input), group=case.group
        )
        documents.append(read_document(scored))
    return documents
