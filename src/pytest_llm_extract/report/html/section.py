"""A suite as people read it first: the verdict with its reasons, the fields, what was lost, what is wrong now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.decision.conclude import TuningDecision
from pytest_llm_extract.gate.decide import CANNOT_FAIL, Decision
from pytest_llm_extract.lints.finding import KINDS
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.report.html.fields import fields_table
from pytest_llm_extract.report.html.markup import Html, join, table, tag
from pytest_llm_extract.report.html.tuning import decide_tuning, tuning_section
from pytest_llm_extract.report.html.variants import variants_section
from pytest_llm_extract.report.moved import count_lost, lost_values
from pytest_llm_extract.report.terminal import composite_lines, documents_line
from pytest_llm_extract.report.terminal_text import has_values, show
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT, Leaf, Verdict
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.scoring.advice import shared_advice
from pytest_llm_extract.wording import count_cases, counted, some_names

_ROWS = 100  # of a table of cases; the list of the script has all of them
_FIRST = 8  # rows of lost values that are not folded
_LOST = ("case", "field", "expected", "before", "now")
_SCRIPT = "With script, every case is here: heat map, filters, and each document beside its values."
_FINDINGS = 100  # rows; `llm-extract lint` has all of them
_LONGEST = 200  # characters of a value
_SIGNS = {Verdict.PASS: "✓", Verdict.FAIL: "✕", Verdict.INCONCLUSIVE: "?", None: "–"}


class Section(NamedTuple):
    """A suite: its variants, the primary first, what compares them, what is wrong with its golden data, and whether
    fine-tuning is due.
    """

    title: str
    variants: list[tuple[SuiteResult, Decision]]
    comparison: VariantComparison | None = None
    lints: LintReport | None = None
    tuning: TuningDecision | None = None

    @property
    def verdict(self) -> str:
        """The worst of its gated variants."""
        verdicts = {decision.verdict for suite, decision in self.variants if suite.is_gated}
        order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
        return next((verdict.value for verdict in order if verdict in verdicts), "not gated")


def sections_of(
    suites: Iterable[tuple[SuiteResult, Decision]],
    comparisons: Iterable[VariantComparison],
    lints: Iterable[LintReport],
) -> list[Section]:
    """The suites of a run; one that several files of results have is a section for each of them."""
    sections: list[Section] = []
    for suite, decision in suites:
        last = next((section for section in reversed(sections) if section.variants[0][0].id == suite.id), None)
        if last is None or any(other.variant == suite.variant for other, _ in last.variants):
            times = sum(section.variants[0][0].id == suite.id for section in sections)
            last = Section(suite.id + (f" ({times + 1})" if times else ""), [])
            sections.append(last)
        last.variants.append((suite, decision))
    of_several, of_all = list(comparisons), list(lints)
    every = [suite for section in sections for suite, _ in section.variants]
    for number, section in enumerate(sections):
        mine = [suite for suite, _ in section.variants]
        compared = _take(of_several, mine[0].id) if len(mine) > 1 else None
        lint = _take(of_all, mine[0].id) if mine[0].complete else None
        tuning = decide_tuning(every, mine, compared, lint) if compared and lint else None
        sections[number] = section._replace(comparison=compared, lints=lint, tuning=tuning)
    return sections


_OfSuite = TypeVar("_OfSuite", VariantComparison, LintReport)


def _take(suites: list[_OfSuite], suite: str) -> _OfSuite | None:
    """The first of a suite, which is taken out: several results may have one of it each."""
    at = next((number for number, one in enumerate(suites) if one.suite == suite), None)
    return None if at is None else suites.pop(at)


def section_html(section: Section, number: int) -> Html:
    """Everything about a suite that needs no script, and the place where the script shows its cases."""
    gated = [(suite, decision) for suite, decision in section.variants if suite.is_gated]
    shown = gated or section.variants[:1]
    parts: list[Html] = []
    for suite, decision in shown:
        verdict = _verdict(suite, decision, is_alone=len(shown) == 1)
        parts.append(tag("div", *verdict, *_tables(suite, decision), data_variant=suite.variant))
    if section.comparison is not None:
        parts.append(variants_section(section.comparison))
    if section.tuning is not None:
        parts.append(tuning_section(section.tuning))
    parts.append(tag("div", tag("p", _SCRIPT, class_="about"), class_="explorer", data_section=number))
    if section.lints is not None and (findings := lints_section(section.lints)):
        parts.append(findings)
    parts += [notes for suite, decision in shown for notes in _notes(suite, decision)]
    heading = tag("h2", section.title, id=f"suite-{number}-title")
    return tag(
        "section", heading, *parts, class_="suite", id=f"suite-{number}", aria_labelledby=f"suite-{number}-title"
    )


def verdict_mark(verdict: str) -> Html:
    """A verdict as a sign and a word, never as a colour alone."""
    sign = next(sign for value, sign in _SIGNS.items() if (value.value if value else "not gated") == verdict)
    return tag(
        "span", tag("span", sign, aria_hidden="true"), f" {verdict}", class_=f"verdict {verdict.replace(' ', '-')}"
    )


def verdict_sentence(suite: SuiteResult, decision: Decision) -> str:
    """What the gate decided, in one sentence."""
    n_lost = len({case for one in decision.comparisons[:1] for change in one.fields.values() for case in change.lost})
    lost = f", with {count_cases(n_lost)} lost against the {decision.comparisons[0].against}" if n_lost else ""
    if not suite.complete:
        return f"Partial run: {len(suite.cases)} of {count_cases(len(suite.dataset_ids))}; the gate was skipped."
    if decision.verdict is None:
        return "This suite is not gated." if not suite.is_gated else "The gate was skipped: every case was."
    if decision.verdict is Verdict.FAIL:
        return f"The gate fails for {counted(len(decision.reasons), 'reason')}{lost}."
    if decision.verdict is Verdict.INCONCLUSIVE:
        return f"The gate is inconclusive{lost}: the results do not tell a regression from noise."
    return f"The gate passes{lost}."


def _verdict(suite: SuiteResult, decision: Decision, *, is_alone: bool) -> Iterator[Html]:
    verdict = decision.verdict.value if decision.verdict else "not gated"
    name = None if is_alone else tag("strong", f"{suite.variant}: ")
    yield tag("p", verdict_mark(verdict), " ", name, verdict_sentence(suite, decision), class_="sentence")
    if reasons := (*decision.reasons, *decision.doubts, *_cannot_fail(decision)):
        yield tag("ul", *(tag("li", reason) for reason in reasons), class_="reasons")
    if judge := _judge(decision):
        yield tag("ul", *(tag("li", text) for text in judge), class_="reasons judge")
    about = [documents_line(suite.cases), *composite_lines(suite), f"variant {suite.variant}"]
    about += [f"model {suite.model}"] if suite.model else []
    yield tag("p", " · ".join(about), class_="about")


def _cannot_fail(decision: Decision) -> list[str]:
    """The note on a gate that cannot fail, shown beside its verdict."""
    return [note for note in decision.notes if note == CANNOT_FAIL]


def _judge(decision: Decision) -> list[str]:
    """What changed about the judge itself, shown beside its verdict."""
    before = decision.judged_before
    return [*map(str, decision.judge), *([str(before)] if before else [])]


def _tables(suite: SuiteResult, decision: Decision) -> Iterator[Html]:
    if decision.fields:
        yield tag("h3", "Fields")
        yield fields_table(suite, decision)
    for comparison in decision.comparisons:
        rows = [
            [_case_cell(case, path, comparison.against), tag("td", path), *(_value(text) for text in values)]
            for path, case, values in lost_values(suite, comparison, _ROWS)
        ]
        if rows:
            n_lost = count_lost(comparison)
            head = f"Lost against the {comparison.against}: {n_lost:,}"
            yield tag("h3", head)
            yield table(head, _LOST, rows[:_FIRST], class_="lost-values")
            if rest := rows[_FIRST:]:
                folded = table(f"{head}, further ones", _LOST, rest, class_="lost-values")
                yield tag("details", tag("summary", f"{n_lost - _FIRST:,} more"), folded, *_more(n_lost))
    yield from _wrong(suite)


def _wrong(suite: SuiteResult) -> Iterator[Html]:
    """What is wrong in this run, folded; answers that are lost in the same way are one row."""
    wrong = [found for case in suite.cases for found in _wrong_values(case)]
    if not wrong:
        return
    lost = Counter((case.status, case.error) for case, _, leaf in wrong if leaf is None)
    first = {(case.status, case.error): case.id for case, _, leaf in reversed(wrong) if leaf is None}
    listed = [found for found in wrong if found[2] is not None or first[found[0].status, found[0].error] == found[0].id]
    texts = (_wrong_texts(found, lost[found[0].status, found[0].error] - 1) for found in listed[:_ROWS])
    rows = [[_case_cell(case, path), *map(_value, cells)] for case, path, cells in texts]
    shown = table("Wrong now", ("case", "field", "outcome", "expected", "now"), rows)
    yield tag("details", tag("summary", f"Wrong now: {len(wrong):,}"), shown, *_more(len(listed)))


def _wrong_values(case: CaseResult) -> Iterator[tuple[CaseResult, str, Leaf | None]]:
    """Each wrong leaf of a case with its field; a lost answer as one."""
    if case.lost:
        yield case, "", None
        return
    for path, leaves in case.leaves.items():
        yield from ((case, path, leaf) for leaf in leaves if leaf.outcome not in RIGHT)


def _wrong_texts(wrong: tuple[CaseResult, str, Leaf | None], n_alike: int) -> tuple[str, str, tuple[str, ...]]:
    """Case, field, and what is in the further cells; `n_alike` more answers are lost in the same way."""
    case, path, leaf = wrong
    if leaf is None:
        fields = f"all; {counted(n_alike, 'more case')} alike" if n_alike else "all"
        return case.id, "", (fields, case.status.value, "", case.error or "")
    return case.id, path, (path, leaf.outcome.value, _side(leaf, leaf.expected), _side(leaf, leaf.actual))


def _side(leaf: Leaf, value: Any) -> str:
    return show(value) if has_values(leaf) else ""


def _case_cell(case: str, path: str, against: str | None = None) -> Html:
    """The name of a row; the script makes a link of it, which shows the case beside what it was compared `against`."""
    return tag("th", case, scope="row", data_case=case, data_field=path, data_against=against)


def _value(text: str) -> Html:
    return tag("td", text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…", class_="value")


def _more(n_rows: int) -> Sequence[Html]:
    return [tag("p", f"and {n_rows - _ROWS:,} more: results.json has them", class_="about")] if n_rows > _ROWS else []


def _notes(suite: SuiteResult, decision: Decision) -> Iterator[Html]:
    hints = [f"hint: {line}" for line in shared_advice(suite.cases)]
    above = {*_judge(decision), *_cannot_fail(decision)}
    notes = [*suite.warnings, *(note for note in decision.notes if note not in above), *hints]
    if notes:
        yield join(tag("h3", "Notes"), tag("ul", *(tag("li", note) for note in notes), class_="notes"))


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
