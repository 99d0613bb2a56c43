"""`--llm-extract-accept`: a run's answers become the baseline, or the anchor; what a baseline is after that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.find import load_own
from pytest_llm_extract.baseline.paths import ANCHOR, BASELINE, shown_path
from pytest_llm_extract.cassette.file.load import check_inside
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import baseline_folder
from pytest_llm_extract.errors import BaselineError, CassetteError
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.results.outcome import FieldCounts
from pytest_llm_extract.results.suite_result import JudgedBy, SuiteResult
from pytest_llm_extract.wording import count_cases, some_names

_MAX_HISTORY = 50


class Acceptance(NamedTuple):
    """The entries of a run to accept, and the facts about that run."""

    suite: str
    variant: str
    fields: tuple[str, ...]
    entries: tuple[Entry, ...]
    complete: bool
    verdict: str | None
    reasons: tuple[str, ...] = ()
    judged_by: JudgedBy | None = None


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


def write_accepted(
    suite: SuiteResult,
    entries: Mapping[str, Mapping[str, Any]],
    decision: Decision | None,
    settings: Settings,
) -> list[str]:
    """Write a suite's baseline or anchor, and say what was written.

    Raises:
        BaselineError: cases without an answer, a part of the cases for an anchor, mixed prompts, a read-only folder.
    """
    folder = baseline_folder(settings.cassettes, suite.key)
    lacking = [case.id for case in suite.cases if case.id not in entries]
    if lacking:
        what = f"{len(lacking)} of {count_cases(len(suite.cases))} {'has' if len(lacking) == 1 else 'have'} no answer"
        raise BaselineError(suite.key, f"{what} ({some_names(lacking)})")
    new = Acceptance(
        suite.key,
        suite.variant,
        suite.paths,
        tuple(Entry.from_wire(entries[case.id]) for case in suite.cases),
        suite.complete,
        decision.verdict.value if decision and decision.verdict else None,
        decision.reasons if decision else (),
        suite.judged_by,
    )
    baseline, anchor = (load_own(folder / name, settings) for name in (BASELINE, ANCHOR))
    said = []
    if settings.accept == "anchor" and not suite.complete:
        raise BaselineError(suite.key, "an anchor is a whole run; this one is partial")
    if settings.accept == "baseline" or baseline is None:
        accepted = accept(baseline, new, shown_path(folder / BASELINE, settings.rootdir))
        said += [_write(folder / BASELINE, accepted, settings), *_taken(baseline, accepted, new)]
        said += [f"  in spite of: {reason}" for reason in decision.reasons] if decision else []
        if anchor is not None and decision and _has_lost(decision):
            said.append(
                "  the anchor stays, and later runs are compared with it too: --llm-extract-accept=anchor replaces it"
            )
    if settings.accept == "anchor" or (anchor is None and suite.complete):
        said.append(_write(folder / ANCHOR, accept(anchor, new, ""), settings))
    return said


def _write(path: Path, accepted: Baseline, settings: Settings) -> str:
    name = shown_path(path, settings.rootdir)
    text = accepted.to_text()
    settings.storage.watch.refuse(text, Path(name))
    try:
        check_inside(path, settings.cassettes)
        write_atomically(path, text)
    except CassetteError as error:
        raise BaselineError(name, error.problem) from None
    except OSError as error:
        raise BaselineError(name, f"cannot be written: {error.strerror or error}") from None
    return f"accepted: {count_cases(len(accepted.entries))} in {name}"


def _taken(old: Baseline | None, accepted: Baseline, new: Acceptance) -> list[str]:
    """The sentence about the cases that a partial run added or replaced."""
    if new.complete or old is None:
        return []
    n = sum(accepted.entries[entry.id] != old.entries.get(entry.id) for entry in new.entries)
    return [
        f"  {n} of the {count_cases(len(new.entries))} of this run were accepted: "
        "a partial run only adds new cases and replaces those whose gold changed"
    ]


def _has_lost(decision: Decision) -> bool:
    """Whether this run lost against the anchor. Without an anchor of its own, the baseline is the anchor."""
    last = decision.comparisons[-1:]
    return any(against.failed or against.pooled_p_adj <= against.alpha for against in last)
