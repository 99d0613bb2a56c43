"""The table of a suite's fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.floors import judge_field
from pytest_llm_extract.gate.regression import FieldChange
from pytest_llm_extract.report.html.figures import bar, spark
from pytest_llm_extract.report.html.markup import Html, table, tag
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.wording import percent


def fields_table(suite: SuiteResult, decision: Decision) -> Html:
    """Each field with its bar, rate, interval, floor, change against the baseline, and history of accepted runs."""
    changes = decision.comparisons[0].fields if decision.comparisons else {}
    histories = {path: _history(suite, path) for path in decision.fields}
    head = ("field", "picture", "right", "accuracy", "95% interval", "floor", "verdict", "lost and gained", "p_adj")
    is_traced = any(histories.values())
    rows = []
    for path, summary in decision.fields.items():
        counts, floor, change = summary.counts, suite.rules.floors.get(path), changes.get(path)
        verdict, accuracy = judge_field(summary, floor), counts.accuracy or 0.0
        limit = floor.rates.get("accuracy") if floor else None
        before = change.before.accuracy if change else None
        low, high = summary.interval
        cells = [
            tag("th", path, scope="row"),
            tag("td", bar(accuracy, summary.interval, limit, before), class_="picture"),
            tag("td", f"{counts.right}/{counts.n}", class_="number"),
            tag("td", f"{accuracy * 100:.1f}%", class_="number"),
            tag("td", f"{low * 100:.1f}–{high * 100:.1f}", class_="number"),
            tag("td", _floors(floor), class_="number"),
            tag("td", verdict.value if verdict else "", class_=f"word {verdict.value if verdict else ''}"),
            tag("td", _change(change), class_="number"),
            tag("td", "" if change is None or change.p_adj is None else f"{change.p_adj:.3g}", class_="number"),
        ]
        if is_traced:
            cells.append(tag("td", spark([*histories[path], accuracy]), class_="picture"))
        rows.append(cells)
    legend = "bar: accuracy; line: its 95% interval; thick tick: floor; dotted tick: the baseline"
    found = table("Fields", (*head, *(["accepted runs"] if is_traced else [])), rows, class_="fields")
    return Html(found + tag("p", legend, class_="about"))


def _floors(floor: Floor | None) -> str:
    """`95%`, or `P 90%, R 80%`: the first letter of each rate that is not an accuracy."""
    rates = floor.rates.items() if floor else ()
    return ", ".join(f"{'' if name == 'accuracy' else name[0].upper() + ' '}{percent(limit)}" for name, limit in rates)


def _change(change: FieldChange | None) -> str:
    if change is None:
        return ""
    return f"−{len(change.lost)} +{len(change.gained)}" if change.lost or change.gained else "="


def _history(suite: SuiteResult, path: str) -> list[float]:
    """The accuracy of a field in the runs that were accepted, as far as they say so."""
    records: Sequence[dict[str, Any]] = suite.baseline.history if suite.baseline else ()
    pairs = (record.get("fields", {}).get(path) for record in records)
    return [pair[0] / pair[1] for pair in pairs if _is_rate(pair)]


def _is_rate(pair: Any) -> bool:
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(type(part) is int for part in pair):
        return False
    return 0 <= int(pair[0]) <= int(pair[1]) > 0
