"""The baseline after an acceptance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.results.outcome import FieldCounts
from pytest_llm_extract.results.suite_result import JudgedBy

_MAX_HISTORY = 50


class Acceptance(NamedTuple):
    """The entries of a run to accept, and the facts about that run.

    `tried` has short hashes of the formulations that the run compared, its own among them.
    """

    suite: str
    variant: str
    fields: tuple[str, ...]
    entries: tuple[Entry, ...]
    complete: bool
    verdict: str | None
    reasons: tuple[str, ...] = ()
    judged_by: JudgedBy | None = None
    tried: tuple[str, ...] = ()


def accept(old: Baseline | None, new: Acceptance, name: str) -> Baseline:
    """The baseline after an acceptance: replaced by a complete run, extended by a partial one.

    A partial run adds cases that are new and replaces those whose gold changed; no others, for choosing which cases
    to accept again would be choosing the answers.

    Raises:
        BaselineError: a partial run under another prompt than the baseline's.
    """
    if new.complete or old is None:
        entries, history = {entry.id: entry for entry in new.entries}, old.history if old else ()
        fields = new.fields
    else:
        known = old.entries
        taken = {e.id: e for e in new.entries if e.id not in known or known[e.id].origin.gold != e.origin.gold}
        entries, history = {**known, **taken}, old.history
        fields = old.fields  # those of most entries: what is new or gone is accepted by a whole run
        if old.prompt is not None and any(entry.origin.prompt != old.prompt for entry in taken.values()):
            raise BaselineError(
                name, "a partial run under another prompt would mix prompts in one baseline; run the whole suite"
            )
    record = {
        "accepted": clock.utc_now().date().isoformat(),
        "n_cases": len(new.entries),
        "n_rows": len(entries),
        "complete": new.complete,
        "verdict": new.verdict,
        "reasons": list(new.reasons),
        "fields": _rates(entries.values()),
        **({"tried": sorted(new.tried)} if new.tried else {}),
    }
    prompts = {entry.origin.prompt for entry in entries.values()}
    prompt = prompts.pop() if len(prompts) == 1 else None
    history = (*history, record)[-_MAX_HISTORY:]
    judged_by = new.judged_by if new.complete or old is None else old.judged_by
    return Baseline(new.suite, new.variant, fields, prompt, history, entries, judged_by)


def _rates(entries: Iterable[Entry]) -> dict[str, list[int]]:
    """By field, how many leaves were right, and how many there were."""
    counts: dict[str, FieldCounts] = {}
    for entry in (sample for first in entries for sample in first.samples):
        for path, counted in entry.outcomes.items():
            counts[path] = counts.get(path, FieldCounts()) + counted
    return {path: [counted.right, counted.n] for path, counted in sorted(counts.items())}
