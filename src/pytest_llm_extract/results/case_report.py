"""The report of a case's test to the main process, possibly from another process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.suite_result import SuiteResult


class CaseReport(NamedTuple):
    """A case's result, and facts of this run alone.

    `suite_key` tells the variants of a suite apart. `note` says why it is stale or missing, and how many cassettes were
    recorded; `entry` is what a baseline would keep.
    The first report of a suite from a process has its `head`; from a worker also `lost`, every case as if its answer
    were lost, since a worker that crashes says nothing more.
    """

    suite_key: str
    case: CaseResult
    note: dict[str, Any]
    entry: dict[str, Any] | None = None
    head: SuiteResult | None = None
    lost: dict[str, dict[str, Any]] | None = None

    def to_json(self) -> str:
        """The report as JSON, which holds every string; execnet refuses some."""
        return json.dumps(
            {
                "suite": self.suite_key,
                "case": self.case.to_wire(),
                "note": self.note,
                "entry": self.entry,
                "head": self.head and self.head.head_to_wire(),
                "lost": self.lost,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> CaseReport:
        """The inverse of `to_json`."""
        wire = json.loads(text)
        case, head = CaseResult.from_wire(wire["case"]), wire["head"] and SuiteResult.from_wire(wire["head"])
        return cls(wire["suite"], case, wire["note"], wire["entry"], head, wire["lost"])
