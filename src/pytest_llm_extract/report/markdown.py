"""Render results as Markdown for a job summary, a pull request comment or an agent.

Whatever comes from documents, models and names is in code spans, where it cannot link, ping or break out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.comparison.scores import ALL
from pytest_llm_extract.comparison.sentences import best_sentences, choice_sentences, claim_sentence, left_out_sentences
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.regression import Comparison
from pytest_llm_extract.lints.finding import KINDS
from pytest_llm_extract.lints.lint_report import LintReport
from pytest_llm_extract.report.moved import count_lost, lost_values
from pytest_llm_extract.report.terminal import composite_lines, documents_line
from pytest_llm_extract.results.outcome import Verdict
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases, counted, percent, some_names

MAX_LENGTH = 60_000  # GitHub takes 65,536 characters of a comment
_LONGEST = 60  # characters of a value
_CASES = 20  # rows of lost cases
_FINDINGS = 40  # rows of lints
_ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS, None)
_SIGNS = {Verdict.PASS: "✅ pass", Verdict.FAIL: "❌ fail", Verdict.INCONCLUSIVE: "⚠️ inconclusive", None: "not gated"}


class _Section(NamedTuple):
    """Lines that are shown together, or not at all; those of a lower `rank` find room first."""

    text: str
    rank: Literal["1 verdict", "2 why", "3 fields"] = "2 why"


def markdown(
    suites: Sequence[tuple[SuiteResult, Decision]],
    comparisons: Sequence[VariantComparison],
    lints: Sequence[LintReport] = (),
) -> str:
    """All suites that are gated, those that fail first; the comparisons of variants; what is wrong with golden data.

    At most 60,000 characters. Sections for which there is no room are counted; verdicts and their reasons are the last
    to go, and the tables of fields the first.
    """
    gated = sorted((pair for pair in suites if pair[0].is_gated), key=lambda pair: _ORDER.index(pair[1].verdict))
    sections = [section for suite, decision in gated for section in _suite(suite, decision)]
    sections += [section for comparison in comparisons for section in _variants(comparison)]
    sections += [section for report in lints for section in _lint(report)]
    kept: list[int] = []
    left = MAX_LENGTH - 200
    for place in sorted(range(len(sections)), key=lambda place: sections[place].rank):
        if (needed := len(sections[place].text) + 2) <= left:
            kept.append(place)
            left -= needed
    texts = [sections[place].text for place in sorted(kept)]
    if n_cut := len(sections) - len(kept):
        texts.append(f"_{counted(n_cut, 'further section')} left out for want of room: results.json has all._")
    return "\n\n".join(texts) + "\n"


def code(text: str, longest: int = _LONGEST) -> str:
    """Put a string into a code span that it cannot leave."""
    shown = visible(text).replace("\n", "⏎")
    shown = shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}" if shown else ""


def _suite(suite: SuiteResult, decision: Decision) -> Iterable[_Section]:
    """The marker and the verdict with its reasons; lost cases; notes; the table of fields, folded."""
    marker = re.sub("[^A-Za-z0-9_./:-]", "_", suite.key)
    head = f"<!-- llm-extract: {marker} -->\n### {code(suite.key, 200)}: {_SIGNS[decision.verdict]}"
    yield _Section(head, "1 verdict")
    lines = [code(text, 400) for text in (*decision.reasons, *decision.doubts)]
    if not suite.complete:
        lines.append(f"partial run: {len(suite.cases)} of {count_cases(len(suite.dataset_ids))}")
    if lines:
        yield _Section("\n".join(f"- {line}" for line in lines), "1 verdict")
    yield _Section("\n\n".join([documents_line(suite.cases), *map(code, composite_lines(suite))]))
    for comparison in decision.comparisons:
        if lost := _lost(suite, comparison):
            yield _Section(lost)
    if decision.notes:
        yield _Section("\n".join(f"- {code(note, 400)}" for note in decision.notes))
    if decision.fields:
        summary = counted(len(decision.fields), "field")
        folded = f"<details><summary>{summary}</summary>\n\n{_fields(suite, decision)}\n\n</details>"
        yield _Section(folded, "3 fields")


def _lost(suite: SuiteResult, comparison: Comparison) -> str:
    """The lost cases of the field that lost most first: expected, before, now."""
    n_lost = count_lost(comparison)
    if not n_lost:
        return ""
    lost = lost_values(suite, comparison, _CASES)
    rows = [(code(path), code(case), *map(code, values)) for path, case, values in lost]
    more = f"\n\n_and {n_lost - _CASES} more_" if n_lost > _CASES else ""
    head = f"**Lost against the {comparison.against}** ({count_cases(comparison.n_cases)} paired)"
    return f"{head}\n\n{_table(('field', 'case', 'expected', 'before', 'now'), rows)}{more}"


def _fields(suite: SuiteResult, decision: Decision) -> str:
    changes = next((comparison.fields for comparison in decision.comparisons if comparison.against == "baseline"), {})
    rows = []
    for path, summary in decision.fields.items():
        floor, change = suite.rules.floors.get(path), changes.get(path)
        verdict = decision.field_verdict(path, floor)
        moved = change if change and (change.lost or change.gained) else None
        low, high = summary.interval
        rows.append(
            (
                code(path),
                f"{summary.counts.right}/{summary.counts.n}",
                percent(summary.counts.accuracy or 0),
                f"{low * 100:.1f}–{high * 100:.1f}",
                percent(floor.rates["accuracy"]) if floor and "accuracy" in floor.rates else "",
                verdict.value if verdict else "",
                f"−{len(moved.lost)} +{len(moved.gained)}" if moved else "",
                f"{moved.p_adj:.3g}" if moved and moved.p_adj is not None else "",
            )
        )
    return _table(("field", "right", "accuracy", "95% interval", "floor", "verdict", "change", "p_adj"), rows)


def _variants(comparison: VariantComparison) -> Iterable[_Section]:
    """The sentences about variants, and their table."""
    head = f"### Variants of {code(comparison.suite, 200)}"
    said = [*best_sentences(comparison), *choice_sentences(comparison)] if comparison.variants else []
    said += [claim_sentence(claim, comparison.reference) for claim in comparison.claims[:10]]
    said += [f"{instruction.text}: {instruction.sentence}" for instruction in comparison.instructions]
    lines = "\n".join(f"- {code(text, 300)}" for text in (*said, *left_out_sentences(comparison)))
    yield _Section(f"{head}\n\n{lines}")
    if not comparison.variants:
        return
    differences: Mapping[str, str] = {
        one.variant: f"{one.accuracy * 100:+.1f} ({one.low * 100:+.1f}…{one.high * 100:+.1f})"
        for one in comparison.differences
        if one.field == ALL and one.low is not None and one.high is not None
    }
    rows = [
        (
            code(variant.name),
            f"{variant.score * 100:.1f}%",
            differences.get(variant.name, ""),
            str(variant.n_unusable or ""),
            "" if variant.usd_per_1000 is None else f"{variant.usd_per_1000:.2f}",
            "●" if variant.name in comparison.best else "",
        )
        for variant in sorted(comparison.variants, key=lambda one: -one.score)
    ]
    columns = ("variant", "score", "difference in points", "unusable", "$/1,000", "may be the best")
    yield _Section(_table(columns, rows), "3 fields")


def _lint(report: LintReport) -> Iterable[_Section]:
    """What is wrong with a suite's golden data, folded; examples that are cases first, and open."""
    for finding in report.errors[:_CASES]:
        yield _Section(f"**{code(report.suite, 200)}: {code(finding.message, 300)}**")
    others = [finding for finding in report.findings if finding.severity != "error"]
    if not others:
        return
    rows = [
        (KINDS[one.kind], code(some_names(one.cases), 120), code(one.field or ""), code(one.message, 200))
        for one in others[:_FINDINGS]
    ]
    more = f"\n\n_and {len(others) - _FINDINGS} more_" if len(others) > _FINDINGS else ""
    head = f"<details><summary>Golden data: {counted(len(others), 'finding')}</summary>"
    table = _table(("", "cases", "field", ""), rows)
    yield _Section(f"{head}\n\n{code(report.suite, 200)}\n\n{table}{more}\n\n</details>", "3 fields")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns that have no value in any row."""
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    lines = [[line[at] for at in kept] for line in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
