"""Find out why an extraction cannot be recorded. A bad answer that is not the model's is not a result."""

from __future__ import annotations

from typing import NamedTuple

from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary
from pytest_llm_extract.cassette.file.exchange import Exchange, address_of
from pytest_llm_extract.cassette.http.continued import Continued
from pytest_llm_extract.cassette.http.replay import KeyNeeded, Record
from pytest_llm_extract.cassette.http.router import Unowned
from pytest_llm_extract.cassette.scrub.vcr_filters import FilterFailed
from pytest_llm_extract.extraction.exception_status import status_of
from pytest_llm_extract.prompt.client import ProviderError
from pytest_llm_extract.results.outcome import Status

LONGEST_WAIT_S = 120.0
_TRANSIENT = frozenset({408, 409, 425, 429})
_SHOWN = 300  # characters of an answer


class Failure(NamedTuple):
    """The reason why nothing was recorded, in the provider's words, and its effect on other calls.

    `status` is that of the HTTP answer that says so; None when a request got none, or when no request went out.
    `is_final` is True where every further call would end in the same way (a wrong key, a disk that is full).
    `is_of_storage` is True where there is an answer, and it cannot be written.
    """

    words: str
    status: int | None = None
    retry_after_s: float | None = None
    is_transient: bool = False
    is_final: bool = False
    is_of_storage: bool = False


def is_too_long(wait_s: float | None) -> bool:
    """Whether a provider asks for a longer wait than recording allows."""
    return wait_s is not None and wait_s > LONGEST_WAIT_S


def failure_of(take: Record | Continued, error: BaseException | None, answers: AnswerSummary) -> Failure | None:
    """The failure that left an extraction without an answer to keep, even if it hid that; None if there is none.

    `error` is what the extraction raised: its own crash is no failure of the provider. `answers` is what
    the recorded answers report.
    """
    if (failure := _hindrance(take) or _denial(take)) is not None:
        return failure
    if error is not None and not isinstance(error, Exception):
        return None  # `sys.exit`, `pytest.skip`: it ends its test
    return _interruption(take, error) or _bad_answer(take.exchanges, error, answers)


def _hindrance(take: Record | Continued) -> Failure | None:
    """A failure to send, see or store the extraction's requests."""
    if take.stopped is not None:
        return Failure(str(take.stopped), is_final=isinstance(take.stopped, KeyNeeded | FilterFailed))
    if take.strays and not take.exchanges:
        return Failure(str(Unowned(take.strays[0])))
    return Failure(take.problem) if take.problem is not None else None


def _denial(take: Record | Continued) -> Failure | None:
    """A wrong key or an empty quota, which would affect every case."""
    refusals = (_refused(exchange) for exchange in take.exchanges if exchange.status >= 400)
    return next((refusal for refusal in refusals if refusal.is_final), None)


def _interruption(take: Record | Continued, error: Exception | None) -> Failure | None:
    """A connection that failed or broke, so the recording could not be replayed or is half an answer."""
    if unanswered := take.unanswered:
        address = address_of(unanswered[0].uri)
        if error is None:
            words = f"no answer from {address}, and a request without one cannot be replayed"
            return Failure(f"{words}: let the extractor wait for it, or raise", is_transient=True)
        words = _with_cause(error)
        says_where = isinstance(error, ProviderError)
        return Failure(words if says_where else f"no answer from {address}: {words}", is_transient=True)
    for exchange in take.exchanges:
        if exchange.is_cut_off:
            end = exchange.response_body[-60:].decode(errors="replace")
            words = f"{_status_line(exchange)}, but no whole answer: it ends with {end!r}"
            return Failure(words, exchange.status, is_transient=True)
    return None


def _bad_answer(exchanges: list[Exchange], error: Exception | None, answers: AnswerSummary) -> Failure | None:
    """An error of the provider instead of the model's answer."""
    last = exchanges[-1] if exchanges else None
    if last is not None and _is_transient(last.status):
        return _refused(last)
    if (last is None or last.says_something) and _is_refusal(error, answers):
        return None
    has_succeeded = any(exchange.status < 400 for exchange in exchanges)
    if last is not None and last.status >= 400 and (error is not None or not has_succeeded):
        return None if last.is_rejected else _refused(last)
    if last is not None and last.is_page and error is not None:
        return Failure(f"{_status_line(last)}, but no answer: {_text(last, 200)!r}")
    if isinstance(error, ProviderError):
        return Failure(_with_cause(error))
    if last is not None and last.is_failed:
        return Failure(f"{_status_line(last)}, but no answer: {_text(last)}")
    return None


def _is_refusal(error: Exception | None, answers: AnswerSummary) -> bool:
    """Whether the model or its filter refused. A refusal is an answer, even with HTTP 400."""
    if error is None:
        return answers.finish_reason == "content_filter"
    return status_of(error, answers) is Status.REFUSED


def _is_transient(status: int) -> bool:
    return status in _TRANSIENT or status >= 500


def _refused(exchange: Exchange) -> Failure:
    is_final = exchange.status in (401, 403) or b"insufficient_quota" in exchange.response_body
    words, wait_s = f"{_status_line(exchange)}: {_text(exchange)}", exchange.retry_after_s
    if wait_s is not None and is_too_long(wait_s):
        words += f"; it asks to wait {wait_s:,.0f} s, and recording waits {LONGEST_WAIT_S:.0f} s at most"
    return Failure(
        words,
        exchange.status,
        wait_s,
        is_transient=_is_transient(exchange.status) and not is_final,
        is_final=is_final,
    )


def _status_line(exchange: Exchange) -> str:
    """`HTTP 404 Not Found from http://localhost:8000/chat/completions`, since many errors come from a wrong address."""
    return f"HTTP {exchange.status} {exchange.reason} from {address_of(exchange.url)}"


def _text(exchange: Exchange, length: int = _SHOWN) -> str:
    return exchange.response_body.decode(errors="replace")[:length]


def _with_cause(error: BaseException) -> str:
    """An error with its root cause: "Connection error." alone does not say which connection."""
    bottom = error
    while bottom.__cause__ is not None:
        bottom = bottom.__cause__
    return str(error) if bottom is error else f"{error} ({bottom})"
