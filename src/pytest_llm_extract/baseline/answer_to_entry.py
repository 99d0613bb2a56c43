"""One scored answer as a baseline stores it, and a check that it reads back unchanged."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import Answer
from pytest_llm_extract.wire_formats import RawAnswer


class NotAcceptable(LlmExtractError):
    """An answer that a baseline cannot hold."""

    def __init__(self, sample: str, field: str) -> None:
        super().__init__(field)
        self.sample, self.field = sample, field

    def __str__(self) -> str:
        return (
            f"not accepted: {self.sample}{self.field} is another value once the answer was written as JSON and read "
            "again; give its type a serializer and a validator that fit each other"
        )


class Kept(NamedTuple):
    """An entry to accept. `changed` is the first field whose score differs after writing and reading the entry."""

    entry: Entry
    changed: str | None


def keep(
    schema: Schema, golden: GoldenCase, value: Any, requests: tuple[str, ...], answer: Answer, result: CaseResult
) -> Kept:
    """Make a baseline entry of an answer and its score.

    `value` is what the extraction returned, None where it raised; `requests` has the fingerprints of its requests.
    """
    text = _text(schema, value, answer)
    counts, origin = result.counts, result.origin
    entry = Entry(
        result.id,
        result.status,
        text,
        counts,
        requests,
        origin,
        result.attempt,
        group=golden.case.group,
        gold=golden.text,
        rows=result.rows,
    )
    if isinstance(value, RawAnswer) or answer.lost:
        return Kept(entry, None)  # its text is what was read
    again, now = entry.scored(schema, golden.gold).fields, entry.then
    return Kept(entry, next((path for path in {**now, **again} if now.get(path) != again.get(path)), None))


def _text(schema: Schema, value: Any, answer: Answer) -> str | None:
    if isinstance(value, RawAnswer):
        return answer.text if answer.text is not None else value.content
    if answer.lost:
        return None
    if answer.valid:
        return schema.dump(answer.value)
    return json.dumps(as_json(value))
