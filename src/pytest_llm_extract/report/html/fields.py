"""The table of a suite's fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.regression import FieldChange
from pytest_llm_extract.report.html.figures import bar, spark
from pytest_llm_extract.report.html.markup import Html, table, tag
from pytest_llm_extract.report.tables import floor_text
from pytest_llm_extract.results.aggregate import FieldSummary
from pytest_llm_extract.results.outcome import Verdict
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.rules.limits import Floor

_HEAD = ("field", "picture", "right", "accuracy", "95% interval", "floor", "verdict", "lost and gained", "p_adj")
_LEGEND = "bar: accuracy; line: its 95% interval"


def fields_table(suite: SuiteResult, decision: Decision) -> Html:
    """Each field with its bar, rate, interval, floor, change against the baseline, and history of accepted runs."""
    changes = decision.comparisons[0].fields if decision.comparisons else {}
    histories = {path: _history(suite, path) for path in decision.fields}
    is_sampled = any(summary.flakes.n_cases for summary in decision.fields.values())
    is_traced = any(histories.values())
    rows = []
    for path, summary in decision.fields.items():
        floor = suite.rules.floors.get(path)
        cells = _cells(path, summary, floor, changes.get(path), decision.field_verdict(path, floor))
        if is_sampled:
            flakes = summary.flakes.rate
            cells.append(tag("td", "" if flakes is None else f"{flakes * 100:.1f}%", class_="number"))
        if is_traced:
            cells.append(tag("td", spark([*histories[path], summary.counts.accuracy or 0.0]), class_="picture"))
        rows.append(cells)
    further = [*(["flake rate"] if is_sampled else []), *(["accepted runs"] if is_traced else [])]
    markup = table("Fields", (*_HEAD, *further), rows, class_="fields")
    ticks = ["thick tick: floor"] * bool(suite.rules.floors) + ["dotted tick: the baseline"] * bool(changes)
    return Html(markup + tag("p", "; ".join([_LEGEND, *ticks]), class_="about"))


def _cells(
    path: str, summary: FieldSummary, floor: Floor | None, change: FieldChange | None, verdict: Verdict | None
) -> list[Html]:
    counts = summary.counts
    accuracy, (low, high) = counts.accuracy or 0.0, summary.interval
    limit = floor.rates.get("accuracy") if floor else None
    picture = bar(accuracy, summary.interval, limit, change.before.accuracy if change else None)
    word = verdict.value if verdict else ""
    return [
        tag("th", path, scope="row"),
        tag("td", picture, class_="picture"),
        tag("td", f"{counts.right}/{counts.n}", class_="number"),
        tag("td", f"{accuracy * 100:.1f}%", class_="number"),
        tag("td", f"{low * 100:.1f}–{high * 100:.1f}", class_="number"),
        tag("td", floor_text(floor), class_="number"),
        tag("td", word, class_=f"word {word}"),
        tag("td", _change(change), class_="number"),
        tag("td", "" if change is None or change.p_adj is None else f"{change.p_adj:.3g}", class_="number"),
    ]


def _change(change: FieldChange | None) -> str:
    if change is None:
        return ""
    return f"−{len(change.lost)} +{len(change.gained)}" if change.lost or change.gained else "="


def _history(suite: SuiteResult, path: str) -> list[float]:
    """The accuracy of a field in the runs that were accepted, as far as they say so."""
    records: Sequence[dict[str, Any]] = suite.baseline.history if suite.baseline else ()
    fields = [record.get("fields") for record in records if isinstance(record, dict)]
    pairs: list[Any] = [found.get(path) for found in fields if isinstance(found, dict)]
    return [pair[0] / pair[1] for pair in pairs if _is_rate(pair)]


def _is_rate(pair: Any) -> bool:
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(type(part) is int for part in pair):
        return False
    return 0 <= int(pair[0]) <= int(pair[1]) > 0
