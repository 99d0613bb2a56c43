"""Reports for a browser: results to make them of, and how to look into them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.html.page import html_files
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.case_result import CaseResult, Usage
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, SuiteResult

RUN = {"created": "2026-01-02T03:04:05+00:00", "commit": "0123456789abcdef", "plugin": "1.0", "pytest": "9.2"}
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`${alert(3)}<!--&amp;\u202e\x1b[31m javascript:"
)


def value_case(number: int, fields: Sequence[str], *, text: str = "", wrong: int = -1, lost: int = -1) -> CaseResult:
    """A case whose field `wrong` is wrong, as is `lost`, which was right in the baseline."""
    leaves: Leaves = {}
    before: Leaves = {}
    named = ", ".join(f"{field} {number}" for field in fields)
    for at, field in enumerate(fields):
        value = f"{text}{field} {number}"
        bad = at in (wrong, lost)
        leaves[field] = (Leaf(Outcome.WRONG if bad else Outcome.CORRECT, value, f"{value}?" if bad else value),)
        before[field] = (Leaf(Outcome.WRONG if at == wrong else Outcome.CORRECT, value, value),)
    accepted = Accepted(before, count_leaves(before), Origin(prompt="a"))
    return CaseResult(
        Status.OK,
        leaves,
        True,
        f"{text}case-{number:04}",
        raw=json.dumps({field: found[0].actual for field, found in leaves.items()}),
        model="gpt-4o-mini",
        by_model={"gpt-4o-mini": Usage(100, 20)},
        latency_s=1.25,
        origin=Origin(prompt="b"),
        input=f"{text}Document {number}: {named}, 1,234.50 on 3 May 2026",
        metadata={"layout": "list" if number % 2 else "table"},
        baseline=accepted,
    )


def value_suite(
    n: int, fields: Sequence[str] = ("vendor", "total"), text: str = "", name: str = "test_x"
) -> SuiteResult:
    """A suite that loses `total` in each fifth case, and has it wrong in each seventh."""
    cases = tuple(
        value_case(i, fields, text=text, wrong=1 if i % 7 == 3 else -1, lost=1 if i % 5 == 2 else -1) for i in range(n)
    )
    record = {"n_cases": n, "complete": True, "fields": {field: [n - 1, n] for field in fields}}
    accepted = AcceptedRun("baseline.jsonl", tuple(fields), history=(record,))
    ids = tuple(case.id for case in cases)
    return SuiteResult(
        f"{text}test_x.py::{name}", "read", ids, tuple(fields), GateRules(), baseline=accepted, cases=cases
    )


def files_of(
    suites: Sequence[SuiteResult], path: Path, folder: Path | None = None, documents: str = "full"
) -> Mapping[Path, str | bytes]:
    """The files of a report of these suites."""
    judged = [(suite, decide(suite)) for suite in suites]
    return html_files(run_results(judged, [], folder or path.parent, documents, RUN), path)


def write_report(suites: Sequence[SuiteResult], path: Path, documents: str = "full") -> Path:
    """Write a report; the page that is to be opened."""
    files = files_of(suites, path, documents=documents)
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return next(iter(files))


def blocks(page: str) -> dict[str, Any]:
    """The data of a page by the name of its block."""
    found = re.findall(r'<script type="application/gzip" id="([^"]+)">([^<]*)</script>', page)
    return {name: json.loads(gzip.decompress(base64.b64decode(text))) for name, text in found}
