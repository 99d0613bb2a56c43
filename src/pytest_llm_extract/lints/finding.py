"""One thing that is wrong, or looks wrong, with golden data or examples; and those that a person settled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pytest_llm_extract.errors import ResultsError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.formats.row_files import BAD_ROWS, fault_of_rows, read_rows, rows_to_text

Severity = Literal["error", "warning"]

# What each kind of finding means, in the order in which they are shown.
KINDS = {
    "contamination": "examples that are also cases",
    "empty": "empty documents",
    "cut_off": "documents that are cut off",
    "mojibake": "documents that were decoded wrongly",
    "beyond_context": "documents that may not fit into the model's context",
    "duplicate": "documents that are there twice",
    "near_duplicate": "documents that are nearly the same",
    "gold_contradicts": "gold that contradicts itself",
    "gold_not_in_document": "gold that does not occur in its document",
    "not_copied": "fields whose gold is not copied from documents",
    "label_suspect": "labels that every variant contradicts in the same way",
    "not_retrieved": "fields whose passages lack what was missed",
    "few_labels": "fields with few labels",
    "constant_label": "fields with one label only",
}


class Finding(NamedTuple):
    """What was found, and in which cases.

    `kind` is one of KINDS. `field` is the path of a field, None where the document is meant. `shown` holds strings to
    look at, such as both documents of a pair. `evidence` is what the finding rests on: where it changes, a finding that
    was settled comes back.
    """

    kind: str
    cases: tuple[str, ...]
    message: str
    field: str | None = None
    severity: Severity = "warning"
    shown: tuple[str, ...] = ()
    evidence: str = ""

    @property
    def key(self) -> str:
        """Eight hex digits that name the finding in every run, until what it rests on changes."""
        what = json.dumps([self.kind, self.field, sorted(self.cases), self.evidence])
        return hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins, for results.json."""
        return {
            "key": self.key,
            "kind": self.kind,
            "severity": self.severity,
            "cases": list(self.cases),
            "field": self.field,
            "message": self.message,
            "shown": list(self.shown),
        }


SETTLED = "settled.jsonl"


def read_settled(path: Path) -> tuple[str, ...]:
    """The keys of settled findings; none where there is no such file.

    Raises:
        ResultsError: the file cannot be read.
    """
    try:
        return tuple(str(row["key"]) for row in read_rows(path))
    except BAD_ROWS as error:
        raise ResultsError(str(path), f"is not a file of settled findings: {fault_of_rows(error)}") from None


def settle(path: Path, findings: Iterable[Finding], because: str) -> None:
    """Add findings to the file, each with what it says and the reason that a person gives.

    Raises:
        ResultsError: it cannot be written.
    """
    kept = ("key", "kind", "cases", "field")
    rows = [{**{name: finding.to_wire()[name] for name in kept}, "because": because} for finding in findings]
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        text = before + ("" if not before or before.endswith("\n") else "\n")
        write_atomically(path, text + rows_to_text(rows))
    except OSError as error:
        raise ResultsError(str(path), f"cannot be written: {reason(error)}") from None
