"""What is wrong with a suite's golden data, or looks wrong."""

from __future__ import annotations

from pytest_llm_extract.lints.finding import KINDS
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.report.html.markup import Html, join, table, tag
from pytest_llm_extract.wording import some_names

_FINDINGS = 100  # rows; `llm-extract lint` has all of them


def lints_section(report: LintReport) -> Html | None:
    """Errors, which make results wrong, and the table of all findings, folded; None where there are none."""
    if not report.findings:
        return None
    errors = tag("ul", *(tag("li", finding.message) for finding in report.errors), class_="reasons judge")
    rows = [
        [
            tag("th", some_names(finding.cases) or "all", scope="row"),
            *(tag("td", text) for text in (KINDS[finding.kind], finding.field or "", finding.message)),
        ]
        for finding in report.findings[:_FINDINGS]
    ]
    head = f"Findings in the golden data: {len(report.findings):,}"
    shown = table(head, ("cases", "kind", "field", "finding"), rows)
    return join(errors if report.errors else None, tag("details", tag("summary", head), shown))
