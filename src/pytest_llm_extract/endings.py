"""How an extraction ended: with an answer, however unusable, or with a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pydantic

from pytest_llm_extract import provider
from pytest_llm_extract.errors import PromptError
from pytest_llm_extract.outcome import Status

_UNUSABLE = frozenset({"InstructorRetryException"})


def status_of(error: Exception, facts: Mapping[str, Any]) -> Status:
    """What an exception of an extraction says of its answer; `facts` are those of `cassette.facts.summary`.

    `Status.ERROR` is a crash: nothing was said about the answer.
    """
    names = {base.__name__ for base in type(error).__mro__}
    if "ContentFilterFinishReasonError" in names or getattr(error, "code", None) == "content_filter":
        return Status.REFUSED
    if isinstance(error, provider.ProviderError) and error.refusal:
        return Status.REFUSED
    if "LengthFinishReasonError" in names:
        return Status.TRUNCATED
    if isinstance(error, PromptError):
        return Status.ERROR
    if isinstance(error, pydantic.ValidationError | json.JSONDecodeError) or names & _UNUSABLE:
        if facts.get("refusal") or facts.get("finish_reason") == "content_filter":
            return Status.REFUSED
        return Status.TRUNCATED if facts.get("finish_reason") == "length" else Status.INVALID
    return Status.ERROR


def is_answer(error: Exception) -> bool:
    """Whether an exception is an answer that could not be used, which is worth keeping, and not a crash."""
    return status_of(error, {}) is not Status.ERROR
