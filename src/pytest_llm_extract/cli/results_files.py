"""The results.json files that a command was given, as the results that reports are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_llm_extract.comparison.compare import VariantComparison, compare_suites
from pytest_llm_extract.gate.decide import Decision, decide, summarize_only
from pytest_llm_extract.lints.lint_report import LintReport, lint_results
from pytest_llm_extract.report.results_json import read_input, read_results, read_run
from pytest_llm_extract.report.run_results import Results, run_results
from pytest_llm_extract.results.suite_result import SuiteResult


def read_files(files: Sequence[Path], rootdir: Path, documents: str = "full") -> Results:
    """Read results.json files, and decide, compare and lint as the run did.

    Args:
        files: at least one; the first one says when the run was.
        rootdir: the folder that results name cassettes and documents below.
        documents: what reports hold of documents, one of DOCUMENTS.

    Raises:
        ResultsError: a file cannot be read.
    """
    judged: list[tuple[SuiteResult, Decision]] = []
    comparisons: list[VariantComparison] = []
    lints: list[LintReport] = []
    texts = [(str(path), read_input(path)) for path in files]
    for name, text in texts:
        suites = read_results(text, name)
        judged += [(suite, decide(suite) if suite.is_gated else summarize_only(suite)) for suite in suites]
        comparisons += compare_suites(suites, suites[0].rules.alpha if suites else 0.05)
        lints += lint_results([suite for suite in suites if suite.complete])
    return run_results(judged, comparisons, rootdir.absolute(), documents, read_run(texts[0][1]), lints)
