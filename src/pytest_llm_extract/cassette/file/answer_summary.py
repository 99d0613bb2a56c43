"""Model, tokens and finish reason that the answers of a recording report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.wire_formats import NOTHING, read_wire_answer

_SHOWN = 300  # characters of a rejection


class AnswerSummary(NamedTuple):
    """What the answers of a recording report.

    `by_model` has the tokens of each model, under None those of answers that name none. `model` and
    `system_fingerprint` are the last that were named; `finish_reason`, `refusal` and `content` are those of the last
    answer. `rejected` are the provider's words if it refused the last request for good.
    """

    model: str | None = None
    system_fingerprint: str | None = None
    by_model: Mapping[str | None, Usage] = MappingProxyType({})
    finish_reason: str | None = None
    refusal: str | None = None
    content: str | None = None
    rejected: str | None = None


def summarize_answers(recording: Recording) -> AnswerSummary:
    """Summarize what the answers of a recording report.

    Exchanges that are not an answer of a model (a token, embeddings, an error) do not count.
    """
    read = (read_wire_answer(exchange.response_body) for exchange in recording.exchanges)
    answers = [answer for answer in read if answer != NOTHING]
    by_model: dict[str | None, Usage] = {}
    for answer in answers:
        usage = Usage(answer.input_tokens, answer.output_tokens)
        by_model[answer.model] = by_model[answer.model] + usage if answer.model in by_model else usage
    last = answers[-1] if answers else NOTHING
    return AnswerSummary(
        next((answer.model for answer in reversed(answers) if answer.model), None),
        next((answer.system_fingerprint for answer in reversed(answers) if answer.system_fingerprint), None),
        by_model,
        last.finish_reason,
        last.refusal,
        last.content,
        _rejection(recording.exchanges[-1]) if recording.exchanges else None,
    )


def _rejection(last: Exchange) -> str | None:
    if not last.is_rejected:
        return None
    return f"HTTP {last.status} {last.reason}: {last.response_body.decode(errors='replace')[:_SHOWN]}"
