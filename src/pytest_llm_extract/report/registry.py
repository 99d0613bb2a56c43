"""All reports by the name in their flag: how each is rendered and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.config.ci import is_github
from pytest_llm_extract.errors import ResultsError
from pytest_llm_extract.report.annotations import annotation_lines
from pytest_llm_extract.report.code_quality import code_quality
from pytest_llm_extract.report.markdown import markdown
from pytest_llm_extract.report.results_json import results_text, run_to_wire, write_results
from pytest_llm_extract.report.run_results import Results

SUMMARY = "GITHUB_STEP_SUMMARY"  # the variable with the file of a job's summary, which GitHub shows
LARGE = 20_000_000  # bytes of a report


Files = Mapping[Path, str | bytes]


def _json(results: Results, path: Path) -> Files:
    wire = run_to_wire(results.suites, results.folder, results.comparisons, results.run, results.lints)
    return {path: results_text(wire)}


def _markdown(results: Results, path: Path) -> Files:
    return {path: markdown(results.suites, results.comparisons, results.lints)}


def _html(results: Results, path: Path) -> Files:
    from pytest_llm_extract.report.html.page import html_files

    return html_files(results, path)


def _code_quality(results: Results, path: Path) -> Files:
    return {path: code_quality(results)}


RENDERERS: Mapping[str, Callable[[Results, Path], Files]] = {
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "codequality": _code_quality,
}


def job_lines(results: Results) -> list[str]:
    """What a job prints for its service to read; nothing outside of GitHub Actions."""
    if not is_github():
        return []
    return annotation_lines(results, os.environ.get("GITHUB_WORKSPACE"))


def write_report(name: str, path: Path, results: Results) -> str | None:
    """Write one report; a note where it is larger than people like to open.

    Raises:
        ResultsError: it cannot be written.
    """
    n_bytes = 0
    for file, content in RENDERERS[name](results, path).items():
        data = content.encode() if isinstance(content, str) else content
        n_bytes += len(data)
        write_results(file, data)
    if n_bytes <= LARGE:
        return None
    smaller = "--llm-extract-documents=none writes it without documents"
    return f"{path.name} has {n_bytes / 1e6:.0f} MB, which is slow to open and to send: {smaller}"


class Written(NamedTuple):
    """What is said of reports that were written: `problems` are the files that could not be, each with the reason."""

    problems: list[str]
    notes: list[str]


def write_reports(paths: Mapping[str, Path], results: Results) -> Written:
    """Write each report that was asked for, and the job summary where there is one, whether or not others fail."""
    written = Written([], [])
    for name, path in paths.items():
        try:
            if note := write_report(name, path, results):
                written.notes.append(note)
        except ResultsError as error:
            written.problems.append(str(error))
    if (summary := os.environ.get(SUMMARY)) and is_github():
        try:
            with Path(summary).open("a", encoding="utf-8") as file:  # other steps write there too
                file.write(markdown(results.suites, results.comparisons, results.lints))
        except OSError as error:
            written.problems.append(f"{summary}: summary not written: {error.strerror or error}")
    return written
