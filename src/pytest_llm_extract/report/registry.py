"""All reports by the name in their flag: how each is rendered and written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.errors import ResultsError
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.report.markdown import markdown
from pytest_llm_extract.report.results_json import Gated, run_to_wire

SUMMARY = "GITHUB_STEP_SUMMARY"  # the variable with the file of a job's summary, which GitHub shows


class Results(NamedTuple):
    """What every report is made of; `folder` is where to ask git for the commit."""

    suites: Sequence[Gated]
    comparisons: Sequence[VariantComparison]
    folder: Path


def _json(results: Results) -> str:
    return json.dumps(run_to_wire(results.suites, results.folder, results.comparisons), indent=1) + "\n"


def _markdown(results: Results) -> str:
    return markdown(results.suites, results.comparisons)


RENDERERS: Mapping[str, Callable[[Results], str]] = {"json": _json, "markdown": _markdown}


def write_reports(paths: Mapping[str, Path], results: Results) -> None:
    """Write each report that was asked for, and the job summary where there is one.

    Raises:
        ResultsError: a file cannot be written; the others are written all the same.
    """
    problems = []
    for name, path in paths.items():
        try:
            write_atomically(path, RENDERERS[name](results))
        except OSError as error:
            problems.append(ResultsError(str(path), f"results not written: {error.strerror or error}"))
    if (summary := os.environ.get(SUMMARY)) and os.environ.get("GITHUB_ACTIONS"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:  # other steps write there too
                file.write(_markdown(results))
        except OSError as error:
            problems.append(ResultsError(summary, f"summary not written: {error.strerror or error}"))
    if problems:
        raise problems[0]
