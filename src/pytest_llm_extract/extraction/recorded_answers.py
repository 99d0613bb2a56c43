"""Read and score the answers that cassettes hold, without running an extraction: of suites with a prompt file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.cassette.file import fingerprint
from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary, summarize_answers
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.extraction.case_facts import labels, with_further
from pytest_llm_extract.prompt.prompt_call import document_text
from pytest_llm_extract.results.accepted import Origin
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.scoring.answer import Answer, lost_answer, read_raw_answer
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wire_formats import read_wire_answer


def score_recorded(suite: Suite, golden: GoldenCase, recordings: Sequence[Recording]) -> CaseResult:
    """Score what a case's cassettes hold, one for each sample, by the suite's schema and the case's gold."""
    first, *further = (_scored(suite, golden, recording) for recording in recordings)
    return with_further(dataclasses.replace(first, group=golden.case.group), further)


def is_of_document(recording: Recording, golden: GoldenCase) -> bool:
    """Whether a recording answers the document that a case has today; True where that cannot be known."""
    document, body = document_text(golden.case), recording.exchanges[0].request_body
    if document is None:
        return True
    known = recording.meta.get("hashes", {}).get("document")
    if known is not None:
        return bool(known == fingerprint.origin(b"", document)["document"])
    sent = json.dumps(fingerprint.read_json(body))
    return fingerprint.is_hash(body) or json.dumps(document)[1:-1] in sent


def _scored(suite: Suite, golden: GoldenCase, recording: Recording) -> CaseResult:
    answers = summarize_answers(recording)
    return score_answer(
        suite.schema,
        golden.gold,
        _answer(suite, recording, answers),
        case_id=golden.case.id,
        raw=answers.content,
        model=answers.model,
        attempt=recording.meta.get("attempt", 1),
        origin=_origin(suite, golden, recording, answers),
    )


def _answer(suite: Suite, recording: Recording, answers: AnswerSummary) -> Answer:
    last = recording.exchanges[-1]
    if last.status >= 400 and b'"content_filter"' in last.response_body:
        return lost_answer(Status.REFUSED, "the provider's content filter stopped the request")
    if answers.rejected is not None:
        return lost_answer(Status.REJECTED, answers.rejected)
    strip = suite.call.strip if suite.call else None
    return read_raw_answer(suite.schema, read_wire_answer(last.response_body), strip)


def _origin(suite: Suite, golden: GoldenCase, recording: Recording, answers: AnswerSummary) -> Origin:
    sent: dict[str, Any] | None = recording.meta.get("hashes")
    if sent is None:
        sent = fingerprint.origin(recording.exchanges[0].request_body, document_text(golden.case))
    return Origin(**{**labels(suite, golden), **sent}, answered=answers.model)
