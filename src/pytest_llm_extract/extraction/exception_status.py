"""Find out whether an extraction ended with an answer, usable or not, or with a crash."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pydantic

from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary
from pytest_llm_extract.cassette.file.fingerprint import read_json
from pytest_llm_extract.errors import PromptError
from pytest_llm_extract.prompt import client
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.wire_formats.request import tool_choice

_MAX_CAUSES = 20
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_PACKAGE = str(Path(__file__).parent)
# What libraries raise when they give up on an answer, by the names of the classes.
_GAVE_UP = frozenset(
    {
        "AdapterParseError",  # dspy
        "GraphRecursionError",  # langgraph
        "IncompleteOutputException",  # instructor
        "FormatParseError",  # langextract
        "InstructorRetryException",
        "MaxTurnsExceeded",  # openai-agents
        "ModelBehaviorError",
        "OutputParserException",  # langchain, llama-index
        "OutputParsingError",
        "ResponseParsingError",  # instructor
        "StringNotAllowedError",  # magentic
        "StructuredOutputError",  # langchain
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
    causes = list(_causes(error))
    names = {base.__name__ for one in causes for base in type(one).__mro__}
    if _is_refusal(error, names, answers):
        return Status.REFUSED
    if answers.rejected is not None:
        return Status.REJECTED
    if answers.finish_reason == "length" or "LengthFinishReasonError" in names:
        return Status.TRUNCATED
    if any(isinstance(one, pydantic.ValidationError | json.JSONDecodeError) for one in causes) or names & _GAVE_UP:
        return Status.INVALID
    is_answered = bool(answers.by_model)
    if is_answered and (_is_about_an_empty(error, answers) or _lacks_a_call(error, answers, request)):
        return Status.INVALID
    if is_answered and _is_about_a_value(error) and not fits(answers.content or ""):
        return Status.INVALID
    return Status.ERROR


def _is_broken_code(error: BaseException) -> bool:
    """Whether an exception is a fault of code: it would be raised for every answer, or is not about one."""
    return isinstance(error, PromptError | NameError | ImportError | SyntaxError) or not isinstance(error, Exception)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised from: libraries wrap what pydantic raises, and people do."""
    one: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if one is not None:
            yield one
            one = one.__cause__


def _is_refusal(error: BaseException, names: set[str], answers: AnswerSummary) -> bool:
    if "ContentFilterFinishReasonError" in names or getattr(error, "code", None) == "content_filter":
        return True
    if isinstance(error, client.ProviderError) and error.refusal:
        return True
    return bool(answers.refusal) or answers.finish_reason == "content_filter"


def _is_about_an_empty(error: BaseException, answers: AnswerSummary) -> bool:
    """Whether there is nothing in an answer, which is what libraries complain of in many ways."""
    return not (answers.content or "").strip() and not isinstance(error, AttributeError | TypeError | OSError)


def _lacks_a_call(error: BaseException, answers: AnswerSummary, request: bytes) -> bool:
    """Whether an exception is about an answer in plain text where the request asked for a call.

    Where the model may call a tool, but need not, the text may be what was wanted, and the extractor's own code wrong.
    """
    if answers.finish_reason != "stop" or (choice := tool_choice(read_json(request))) is None:
        return False
    return _is_about_nothing(error) or (_is_about_a_value(error) and (choice == "forced" or _is_of_a_library(error)))


def _is_of_a_library(error: BaseException) -> bool:
    """Whether an installed package raised an exception, and not the project's own code."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and not _INSTALLED.isdisjoint(Path(frames[-1].f_code.co_filename).parts)


def _is_about_a_value(error: BaseException) -> bool:
    """Whether an exception is of the kind that missing or wrong values raise."""
    return isinstance(error, ValueError | LookupError) or _is_about_nothing(error)


def _is_about_nothing(error: BaseException) -> bool:
    """Whether an exception is of the kind that missing values raise (`tool_calls[0]`)."""
    if isinstance(error, AttributeError):
        return error.obj is None
    if isinstance(error, TypeError):
        return "'NoneType'" in str(error)
    return isinstance(error, IndexError | StopIteration)


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
