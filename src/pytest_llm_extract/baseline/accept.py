"""`--llm-extract-accept`: a run's answers become the baseline, or the anchor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.baseline.find import load_own
from pytest_llm_extract.baseline.next_baseline import Acceptance, accept
from pytest_llm_extract.baseline.paths import ANCHOR, BASELINE, shown_path
from pytest_llm_extract.cassette.file.load import check_inside
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import baseline_folder
from pytest_llm_extract.errors import BaselineError, CassetteError
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases


def write_accepted(
    suite: SuiteResult,
    entries: Mapping[str, Mapping[str, Any]],
    decision: Decision | None,
    settings: Settings,
    tried: Iterable[str] = (),
) -> list[str]:
    """Write a suite's baseline or anchor, and say what was written.

    `tried` has short hashes of the formulations that the run compared.

    Raises:
        BaselineError: cases without an answer, a part of the cases for an anchor, mixed prompts, a read-only folder.
    """
    folder = baseline_folder(settings.cassettes, suite.key)
    lacking = [case.id for case in suite.cases if case.id not in entries]
    if lacking:
        shown = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
        have = "has" if len(lacking) == 1 else "have"
        raise BaselineError(suite.key, f"{len(lacking)} of {count_cases(len(suite.cases))} {have} no answer ({shown})")
    new = Acceptance(
        suite.key,
        suite.variant,
        suite.paths,
        tuple(Entry.from_wire(entries[case.id]) for case in suite.cases),
        suite.complete,
        decision.verdict.value if decision and decision.verdict else None,
        decision.reasons if decision else (),
        suite.judged_by,
        tuple(tried),
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
