"""The report of a case's test to the main process, possibly from another process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import SuiteResult


class CaseNote(NamedTuple):
    """Facts of one run about a case.

    `n_recorded` counts the cassettes that were recorded. Of a case without a usable recording, `status` and `problem`
    say why, `samples` which samples, `cause` and `lines` what changed in its request, and `hint` what to try.
    `unmatched` are the paths of `ignore=` that no request had; None if no request was compared. `is_left` says that the
    test ended at `.output`, since the answer cannot be used. `scrubbed` names what its cassettes hold as REDACTED.
    """

    n_recorded: int = 0
    status: str = Status.OK.value
    problem: str | None = None
    samples: str | None = None
    cause: str | None = None
    lines: tuple[str, ...] = ()
    hint: str | None = None
    unmatched: tuple[str, ...] | None = None
    is_left: bool = False
    scrubbed: tuple[str, ...] = ()

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> CaseNote:
        """The inverse of `as_wire`."""
        unmatched = wire["unmatched"]
        lists = {name: tuple(wire[name]) for name in ("lines", "scrubbed")}
        return cls(**{**wire, **lists, "unmatched": None if unmatched is None else tuple(unmatched)})


class CaseReport(NamedTuple):
    """A case's result, and facts of this run alone.

    `suite_key` identifies the suite and its variant. `entry` is what a baseline would keep.
    The first report of a suite from a process has its `head`; from a worker also `lost`, every case as if its answer
    were lost, since a worker that crashes says nothing more. `place` is where pytest collected the suite.
    """

    suite_key: str
    case: CaseResult
    note: CaseNote
    entry: dict[str, Any] | None = None
    head: SuiteResult | None = None
    lost: dict[str, dict[str, Any]] | None = None
    place: tuple[int, int] = (0, 0)

    def to_json(self) -> str:
        """The report as JSON, which holds every string; execnet refuses some."""
        return json.dumps(
            {
                "suite": self.suite_key,
                "case": self.case.to_wire(),
                "note": self.note._asdict(),
                "entry": self.entry,
                "head": self.head and self.head.head_to_wire(),
                "lost": self.lost,
                "place": self.place,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> CaseReport:
        """The inverse of `to_json`."""
        wire = json.loads(text)
        case, head = CaseResult.from_wire(wire["case"]), wire["head"] and SuiteResult.from_wire(wire["head"])
        note, place = CaseNote.from_wire(wire["note"]), tuple(wire["place"])
        return cls(wire["suite"], case, note, wire["entry"], head, wire["lost"], place)
