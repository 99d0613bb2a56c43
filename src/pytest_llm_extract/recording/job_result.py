"""The result of a recording job for its test, which may run in another process."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.extraction.job import Key
from pytest_llm_extract.results.outcome import Status


class CrashElsewhere(Exception):
    """The extractor raised in another worker that recorded."""

    def __init__(self, trace: str) -> None:
        super().__init__(trace)
        self.trace = trace

    def __str__(self) -> str:
        return f"{self.trace.strip().rpartition(chr(10))[2]}, while another worker recorded:\n{self.trace}"


@dataclass(frozen=True)
class JobResult:
    """The result of a recording job for its test. `error` is the extractor's crash."""

    recorded: bool
    status: Status
    problem: str | None
    error: BaseException | None = None

    @property
    def can_travel(self) -> bool:
        """Whether it can be told to other processes; what skips a test is left to their own tries."""
        return not isinstance(self.error, (pytest.skip.Exception, pytest.fail.Exception))

    @classmethod
    def of(cls, call: Call) -> JobResult:
        """Make the result of a call that tried to record."""
        crash = call.error if call.status is Status.ERROR else None
        return cls(call.recorded, call.status, call.problem, crash)

    def to_wire(self, key: Key, hide: Callable[[str], str]) -> dict[str, Any]:
        """Plain values for JSON. `hide` removes secrets from a crash's traceback that only this process knows."""
        return {
            "key": list(key),
            "recorded": self.recorded,
            "status": self.status.value,
            "problem": self.problem,
            "crash": hide("".join(traceback.format_exception(self.error))) if self.error else None,
        }

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> JobResult:
        """The inverse of `to_wire`, with what another process can know of a crash."""
        error = CrashElsewhere(wire["crash"]) if wire["crash"] else None
        return cls(wire["recorded"], Status(wire["status"]), wire["problem"], error)
