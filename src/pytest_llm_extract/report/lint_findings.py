"""What lints found, as text that fits a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, takewhile
from textwrap import wrap

from pytest_llm_extract.lints.finding import KINDS, Finding
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.lints.retrieval import retrieval_lines
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.wording import counted, some_names

_EACH = 12  # findings of one kind that are shown
_CONTEXT = 30  # characters around the first difference of two documents


def lint_lines(report: LintReport, width: int, *, every: bool = False) -> Iterator[str]:
    """Every finding under its kind; of many of one kind the first twelve, unless `every` one is wanted."""
    settled = f" ({report.n_settled} settled)" if report.n_settled else ""
    documents = counted(report.n_documents, "document")
    if report.n_texts < report.n_documents:
        documents += f" ({report.n_texts} of them text; the others are not looked into)"
    yield f"{report.suite}: {documents}, {counted(len(report.findings), 'finding')}{settled}"
    for line in retrieval_lines(report.retrieval):
        said = printable(f"retrieval: {line}", 400)
        yield from wrap(said, max(width, 40), initial_indent=" ", subsequent_indent="   ")
    for kind, listed in groupby(report.findings, key=lambda finding: finding.kind):
        findings = list(listed)
        shown = findings if every else findings[:_EACH]
        yield f" {KINDS[kind]}: {len(findings)}"
        for finding in shown:
            yield from _finding(finding, max(width, 40))
            if len(finding.shown) == 2 and finding.severity == "error":
                yield from (printable(f"    {text}", max(width, 40)) for text in _pair(*finding.shown))
        if len(findings) > len(shown):
            yield f"  … and {len(findings) - len(shown)} more (--all)"


def lint_summary(report: LintReport) -> list[str]:
    """What a test run says of its golden data: each error, and how many other findings there are."""
    lines = []
    for finding in report.errors[:_EACH]:
        lines.append(f"ERROR {printable(report.suite, 200)}: {printable(finding.message, 200)}")
        lines += [f"    {printable(text, 100)}" for text in _pair(*finding.shown)]
    others = len(report.findings) - len(report.errors)
    if others:
        said = f"{counted(others, 'finding')} in its golden data (`llm-extract lint`)"
        lines.append(f"note: {printable(report.suite, 200)}: {said}")
    return lines


def _finding(finding: Finding, width: int) -> Iterator[str]:
    """One line; two where it is too long, the second one with what was found."""
    line = f"  {finding.key}  {_place(finding)}"
    whole = f"{line}: {finding.message}"
    if len(whole) <= width:
        yield printable(whole, width)
    else:
        yield printable(line, width)
        yield printable(f"            {finding.message}", width)


def _place(finding: Finding) -> str:
    return f"{some_names(finding.cases)}{f' {finding.field}' if finding.field else ''}"


def _pair(one: str, other: str) -> tuple[str, str]:
    """Both documents around their first difference; their beginnings where there is none."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    start = max(0, sum(1 for _ in alike) - _CONTEXT) if one != other else 0
    lead = "…" if start else ""
    return f"case:    {lead}{one[start : start + 200]}", f"example: {lead}{other[start : start + 200]}"
