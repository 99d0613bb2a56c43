"""What the answers of a recording say of themselves."""

from __future__ import annotations

from typing import Any

from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.wire_formats import NOTHING, RawAnswer, read_wire_answer


def summary(recording: Recording) -> dict[str, Any]:
    """What the answers say of themselves: `by_model`, the tokens of each model; of the last one, `model`,
    `system_fingerprint`, `finish_reason`, `refusal` and `content`.

    Exchanges that are no answer of a model (a token, embeddings, an error) say nothing.
    """
    facts: dict[str, Any] = {"model": None, "system_fingerprint": None, "by_model": {}}
    facts |= {"finish_reason": None, "refusal": None, "content": None}
    for exchange in recording.exchanges:
        answer = read_wire_answer(exchange.response_body)
        if answer != NOTHING:
            _add_answer(facts, answer)
    return facts


def _add_answer(facts: dict[str, Any], answer: RawAnswer) -> None:
    facts["model"] = answer.model or facts["model"]
    facts["system_fingerprint"] = answer.system_fingerprint or facts["system_fingerprint"]
    usage, by_model = Usage(answer.input_tokens, answer.output_tokens), facts["by_model"]
    by_model[answer.model] = by_model[answer.model] + usage if answer.model in by_model else usage
    facts |= {"finish_reason": answer.finish_reason, "refusal": answer.refusal, "content": answer.content}
