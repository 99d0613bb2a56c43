"""Whether a new recording says what the old one said, so that the old file can stay as it is."""

from __future__ import annotations

import json
from typing import Any

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.fingerprint import is_hash, read_json
from pytest_llm_extract.wire_formats import NOTHING, RawAnswer, read_wire_answer

# Members that are new in each answer of a provider, whatever it says.
_IDS = frozenset({"call_id", "id", "request_id", "responseId", "system_fingerprint"})
_TIMES = frozenset({"completed_at", "created", "createTime", "created_at", "metrics"})
_DURATIONS = frozenset({"eval_duration", "load_duration", "prompt_eval_duration", "total_duration"})
_SIGNATURES = frozenset({"encrypted_content", "signature", "thoughtSignature"})
_COUNTS = frozenset({"service_tier", "usage", "usageMetadata"})
_NEW_EACH_TIME = _IDS | _TIMES | _DURATIONS | _SIGNATURES | _COUNTS
_OF_MODEL = frozenset({"args", "arguments", "input"})  # what a model filled in is compared whole


def is_unchanged(old: Recording | None, new: Recording, *, keeps_requests: bool) -> bool:
    """Whether requests, statuses and answers are the same, but for ids, dates, durations and token counts.

    Args:
        old: the cassette that is there, None for none.
        new: the recording, with whole requests.
        keeps_requests: whether its file would have them.
    """
    if old is None or (old.case, old.scheme) != (new.case, new.scheme) or old.fingerprints != new.fingerprints:
        return False
    if any(bool(one.request_body) and is_hash(one.request_body) == keeps_requests for one in old.exchanges):
        return False
    return all(map(_is_same, old.exchanges, new.exchanges))


def _is_same(old: Exchange, new: Exchange) -> bool:
    if old.status != new.status or old.response_headers.get("content-type") != new.response_headers.get("content-type"):
        return False
    if old.response_body == new.response_body:
        return True
    before, after = read_json(old.response_body), read_json(new.response_body)
    if before is not None and after is not None and _lasting(before) != _lasting(after):
        return False
    answers = read_wire_answer(old.response_body), read_wire_answer(new.response_body)
    return answers[0] != NOTHING and _said(answers[0]) == _said(answers[1])


def _said(answer: RawAnswer) -> tuple[str | None, ...]:
    return answer.content, answer.refusal, answer.finish_reason, answer.model


def _lasting(value: Any) -> Any:
    """JSON without what is new each time."""
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: json.dumps(inner) if name in _OF_MODEL else _lasting(inner)
        for name, inner in value.items()
        if name not in _NEW_EACH_TIME
    }
