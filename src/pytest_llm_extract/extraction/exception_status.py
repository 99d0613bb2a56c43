"""How an extraction ended: with an answer, however unusable, or with a crash."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pydantic

from pytest_llm_extract.errors import PromptError
from pytest_llm_extract.prompt import client
from pytest_llm_extract.results.outcome import Status

_PACKAGE = str(Path(__file__).parent)
_UNUSABLE = frozenset({"InstructorRetryException"})


def status_of(error: BaseException, facts: Mapping[str, Any]) -> Status:
    """What an exception of an extraction says of its answer; `facts` are those of `cassette.facts.summary`.

    `Status.ERROR` is a crash: nothing was said about the answer.
    """
    names = {base.__name__ for base in type(error).__mro__}
    if "ContentFilterFinishReasonError" in names or getattr(error, "code", None) == "content_filter":
        return Status.REFUSED
    if isinstance(error, client.ProviderError) and error.refusal:
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


def is_answer(error: BaseException) -> bool:
    """Whether an exception is an answer that could not be used, which is worth keeping, and not a crash."""
    return status_of(error, {}) is not Status.ERROR


def in_words(error: BaseException) -> str:
    """`ValueError: no date`, also for an exception whose own text cannot be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__} (its text cannot be read)"


def drop_our_frames(error: BaseException) -> None:
    """Take the frames of this package, which tell a user nothing, out of an exception's traceback."""
    kept = None
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            kept = TracebackType(kept, frame, frame.f_lasti, line)
    error.__traceback__ = kept
