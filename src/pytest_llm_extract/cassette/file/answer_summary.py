"""Model, tokens and finish reason that the answers of a recording report."""

from __future__ import annotations

from typing import Any

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.wire_formats import NOTHING, RawAnswer, read_wire_answer

_SHOWN = 300  # characters of a rejection


def summary(recording: Recording) -> dict[str, Any]:
    """Summarize what the answers of a recording report.

    `by_model` has the tokens of each model. `model`, `system_fingerprint`, `finish_reason`, `refusal` and `content` are
    those of the last answer. `rejected` is what the provider said where it refused the last request for good.

    Exchanges that are no answer of a model (a token, embeddings, an error) say nothing.
    """
    facts: dict[str, Any] = {"model": None, "system_fingerprint": None, "by_model": {}}
    facts |= {"finish_reason": None, "refusal": None, "content": None}
    for exchange in recording.exchanges:
        answer = read_wire_answer(exchange.response_body)
        if answer != NOTHING:
            _add_answer(facts, answer)
    facts["rejected"] = _rejection(recording.exchanges[-1]) if recording.exchanges else None
    return facts


def _rejection(last: Exchange) -> str | None:
    if not last.is_rejected:
        return None
    return f"HTTP {last.status} {last.reason}: {last.response_body.decode(errors='replace')[:_SHOWN]}"


def _add_answer(facts: dict[str, Any], answer: RawAnswer) -> None:
    facts["model"] = answer.model or facts["model"]
    facts["system_fingerprint"] = answer.system_fingerprint or facts["system_fingerprint"]
    usage, by_model = Usage(answer.input_tokens, answer.output_tokens), facts["by_model"]
    by_model[answer.model] = by_model[answer.model] + usage if answer.model in by_model else usage
    facts |= {"finish_reason": answer.finish_reason, "refusal": answer.refusal, "content": answer.content}
