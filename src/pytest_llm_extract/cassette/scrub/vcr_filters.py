"""The filters that a project sets on the `vcr.VCR` of the hook `pytest_llm_extract_vcr`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from vcr import VCR
from vcr.request import Request

from pytest_llm_extract.cassette.ownership import Stopped, stopping
from pytest_llm_extract.errors import UsageError

HOOK = "pytest_llm_extract_vcr"
_HONOURED = {
    "before_record_request",
    "before_record_response",
    "decode_compressed_response",
    "filter_headers",
    "filter_nested_post_data_parameters",
    "filter_post_data_parameters",
    "filter_query_parameters",
    "ignore_hosts",
    "ignore_localhost",
}


class FilterFailed(Stopped):
    """A filter of the project raised an error."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"a filter of {HOOK} failed: {self.problem}"


class VcrFilters:
    """The filter functions that vcrpy builds from a `VCR`: one for requests, one for answers."""

    def __init__(self, vcr: Any) -> None:
        config = vcr.get_merged_config()
        self._of_requests: Callable[[Request], Request | None] = config["before_record_request"]
        self._of_answers: Callable[[Any], Any] = config["before_record_response"]

    def request(self, request: Request) -> Request | None:
        """A request as the filters leave it, a copy; None where they want nothing of it kept."""
        return _run(self._of_requests, request)

    def response(self, response: Any) -> Any:
        """An answer as the filters leave it, which may be the same object; None where they want nothing of it kept."""
        return _run(self._of_answers, response)


def _run(function: Callable[[Any], Any], value: Any) -> Any:
    try:
        return function(value)
    except Exception as error:
        raise stopping(FilterFailed(f"{type(error).__name__}: {error}")) from error


_lock = threading.Lock()
_made: dict[Callable[[Any], None], VcrFilters | None] = {}


def filters_of(offer: Callable[[Any], None] | None) -> VcrFilters | None:
    """The filters of a project that `offer` gives a VCR to, which is done once; None where it sets none.

    Raises:
        UsageError: it sets what has no effect here.
    """
    if offer is None:
        return None
    with _lock:
        if offer not in _made:
            _made[offer] = _make(offer)
        return _made[offer]


def _make(offer: Callable[[Any], None]) -> VcrFilters | None:
    vcr, untouched = VCR(), vars(VCR())
    offer(vcr)
    changed = {name.lstrip("_") for name, value in vars(vcr).items() if value != untouched.get(name)}
    if other := sorted(changed - _HONOURED):
        raise UsageError(HOOK, f"{other[0]} has no effect here; what has: {', '.join(sorted(_HONOURED))}")
    return VcrFilters(vcr) if changed else None
