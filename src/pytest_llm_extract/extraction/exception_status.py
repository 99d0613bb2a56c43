"""Find out whether an extraction ended with an answer, usable or not, or with a crash."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pydantic

from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary
from pytest_llm_extract.cassette.file.fingerprint import read_json
from pytest_llm_extract.errors import PromptError
from pytest_llm_extract.prompt import client
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.wire_formats.request import leaves_tools_open

_PACKAGE = str(Path(__file__).parent)
# What libraries raise when they give up on an answer, by the names of the classes.
_GAVE_UP = frozenset(
    {
        "AdapterParseError",  # dspy
        "IncompleteOutputException",  # instructor
        "InstructorRetryException",
        "OutputParserException",  # langchain, llama-index
        "OutputParsingError",
        "ResponseParsingError",  # instructor
        "UnexpectedModelBehavior",  # pydantic-ai
    }
)


def status_of(
    error: BaseException,
    answers: AnswerSummary,
    fits: Callable[[str], bool] = lambda text: True,
    request: bytes = b"",
) -> Status:
    """The status of an answer whose extraction raised an exception.

    The answer is asked first: a refusal, a cut-off answer and a rejected request have their status whatever was raised.

    Args:
        error: what the extraction raised.
        answers: what the recorded answers report; the default value if there are none.
        fits: whether the text of the answer is what the suite's schema wants.
        request: the body of the last request; empty if it is not known.

    Returns:
        `Status.ERROR` for a crash: nothing was said about the answer.
    """
    if _is_broken_code(error):
        return Status.ERROR
    names = {base.__name__ for base in type(error).__mro__}
    if _is_refusal(error, names, answers):
        return Status.REFUSED
    if answers.rejected is not None:
        return Status.REJECTED
    if answers.finish_reason == "length" or "LengthFinishReasonError" in names:
        return Status.TRUNCATED
    if isinstance(error, pydantic.ValidationError | json.JSONDecodeError) or names & _GAVE_UP:
        return Status.INVALID
    if answers.by_model and _is_about_nothing(error) and _lacks_a_call(answers, request):
        return Status.INVALID
    if answers.by_model and _is_about_a_value(error) and not fits(answers.content or ""):
        return Status.INVALID
    return Status.ERROR


def _is_broken_code(error: BaseException) -> bool:
    """Whether an exception is a fault of code: it would be raised for every answer, or is not about one."""
    return isinstance(error, PromptError | NameError | ImportError | SyntaxError) or not isinstance(error, Exception)


def _is_refusal(error: BaseException, names: set[str], answers: AnswerSummary) -> bool:
    if "ContentFilterFinishReasonError" in names or getattr(error, "code", None) == "content_filter":
        return True
    if isinstance(error, client.ProviderError) and error.refusal:
        return True
    return bool(answers.refusal) or answers.finish_reason == "content_filter"


def _lacks_a_call(answers: AnswerSummary, request: bytes) -> bool:
    """Whether an answer is a text, although the request offers tools."""
    return answers.finish_reason == "stop" and leaves_tools_open(read_json(request))


def _is_about_a_value(error: BaseException) -> bool:
    """Whether an exception is of the kind that missing or wrong values raise."""
    return isinstance(error, ValueError | LookupError) or _is_about_nothing(error)


def _is_about_nothing(error: BaseException) -> bool:
    """Whether an exception is of the kind that missing values raise (`tool_calls[0]`)."""
    if isinstance(error, AttributeError):
        return error.obj is None
    if isinstance(error, TypeError):
        return "'NoneType'" in str(error)
    return isinstance(error, IndexError)


def is_answer(error: BaseException) -> bool:
    """Whether an exception says that an answer could not be used, so that it is not a crash."""
    return status_of(error, AnswerSummary()) is not Status.ERROR


def in_words(error: BaseException) -> str:
    """`ValueError: no date`; the type alone if the exception's text cannot be read."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__} (its text cannot be read)"


def drop_our_frames(error: BaseException) -> None:
    """Remove the frames of this package from an exception's traceback."""
    kept = None
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            kept = TracebackType(kept, frame, frame.f_lasti, line)
    error.__traceback__ = kept
