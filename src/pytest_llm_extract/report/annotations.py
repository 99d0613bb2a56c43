"""Annotations of GitHub Actions: workflow commands, which a job prints on lines of their own.

GitHub shows ten errors and ten warnings of a step. The tenth of ours says how many more there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.formats.visible import visible_text
from pytest_llm_extract.gate.decide import Decision, failures
from pytest_llm_extract.report.run_results import Results
from pytest_llm_extract.results.outcome import Verdict
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases, some_names

_MOST = 9
_LONGEST = 2_000  # characters of a message


class _Annotation(NamedTuple):
    level: str
    file: str | None
    line: int | None
    title: str
    message: str


def annotation_lines(results: Results, workspace: str | None) -> list[str]:
    """The annotations of a run. `workspace` is where GitHub put the repository, None where that is the rootdir."""
    folder = os.path.relpath(results.folder, workspace) if workspace else "."
    of_suites = [one for suite, decision in results.suites if suite.is_gated for one in _of_suite(suite, decision)]
    lines: list[str] = []
    for level in ("error", "warning"):
        mine = [one for one in of_suites if one.level == level]
        lines += [_command(one, folder) for one in mine[:_MOST]]
        if len(mine) > _MOST:
            more = f"{len(mine) - _MOST} more: the output of pytest has them"
            lines.append(_command(_Annotation(level, None, None, "llm-extract", more), folder))
    return lines


def _of_suite(suite: SuiteResult, decision: Decision) -> Iterator[_Annotation]:
    """The verdict on the test, what was lost on its prompt file, and what changed about the judge."""
    test = suite.id.split("::")[0]
    reasons = failures(suite, decision)
    if reasons:
        yield _Annotation("error", test, suite.line, f"{suite.key}: gate failed", "\n".join(reasons))
        yield from _lost(suite, decision)
    elif decision.verdict is Verdict.INCONCLUSIVE:
        yield _Annotation("warning", test, suite.line, f"{suite.key}: inconclusive", "\n".join(decision.doubts))
    if changes := [str(note) for note in decision.judge if note.is_change]:
        yield _Annotation("warning", test, suite.line, f"{suite.key}: the judge changed", "\n".join(changes))


def _lost(suite: SuiteResult, decision: Decision) -> Iterator[_Annotation]:
    file = (suite.prompt or {}).get("file")
    lost = [
        f"{path}: lost {count_cases(len(one.fields[path].lost))} ({some_names(one.fields[path].lost)})"
        for one in decision.comparisons[:1]
        for path in one.failed
    ]
    if file and lost:
        yield _Annotation("error", file, 1, f"{suite.key}: lost against the baseline", "\n".join(lost))


def _command(one: _Annotation, folder: str) -> str:
    """`::error file=…,line=…,title=…::message`."""
    place = {"file": one.file and Path(os.path.normpath(Path(folder, one.file))).as_posix(), "line": one.line}
    properties = {name: value for name, value in (*place.items(), ("title", one.title)) if value}
    shown = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    return f"::{one.level} {shown}::{_escaped(one.message[:_LONGEST])}"


def _escaped(text: str, further: Sequence[str] = "") -> str:
    """As a workflow command wants it; a text cannot end its command or begin another one."""
    for sign in ("%", "\r", "\n", *further):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return visible_text(text)
