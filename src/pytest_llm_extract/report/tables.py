"""The one table of a suite: a row for each field, with its floor and its change, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_llm_extract.gate.floors import judge_field
from pytest_llm_extract.gate.regression import Comparison, FieldChange
from pytest_llm_extract.report.terminal_text import columns, field_name, padded
from pytest_llm_extract.results.aggregate import FieldSummary
from pytest_llm_extract.results.outcome import Verdict
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.wording import counted, percent

_LEAST_NAME, _READABLE_NAME = 12, 24  # columns that a table leaves to its fields, and before it drops a luxury
_GAP = 2
# What is left out first where a table is wider than its terminal: luxuries before a name is cut short.
_LUXURIES = ("p", "95% interval")
_DISPENSABLE = (*_LUXURIES, "flake", "before", "accuracy", "p_adj", "floor", "gained", "right/n", "lost")


class TableRow(NamedTuple):
    """One field, or all of them together: its name, its cells by column, and its verdict.

    `weight` says what is kept where not all rows are shown: the larger, the more worth reading.
    """

    name: str
    cells: dict[str, str]
    verdict: str = ""
    weight: int = 0


def fields_table(
    fields: Mapping[str, FieldSummary],
    floors: Mapping[str, Floor],
    width: int,
    comparison: Comparison | None = None,
    *,
    failed: frozenset[str] | None = frozenset(),
    limit: int | None = None,
) -> list[str]:
    """Rates, floor, change and verdict of each field; at most `limit` rows, the most telling ones.

    `failed` are the fields that some reason is about; None where nothing was judged, as in a partial run.
    """
    rows = [_rates(path, summary, floors.get(path)) for path, summary in fields.items()]
    if comparison is not None:
        rows = [_changed(row, row.name, comparison, failed or frozenset()) for row in rows]
        rows += [_together(comparison)] if comparison.moved else []
    return _limited(rows if failed is not None else [row._replace(verdict="") for row in rows], width, limit)


def changes_table(comparison: Comparison, width: int, limit: int | None = None) -> list[str]:
    """The fields that moved in a second comparison."""
    moved = [_changed(TableRow(path, {}), path, comparison) for path in comparison.moved]
    return _limited([*moved, _together(comparison)], width, limit)


def _rates(path: str, summary: FieldSummary, floor: Floor | None) -> TableRow:
    counts, verdict = summary.counts, judge_field(summary, floor)
    low, high = summary.interval
    flakes = summary.flakes.rate
    cells = {
        "right/n": f"{counts.right}/{counts.n}",
        "accuracy": f"{(counts.accuracy or 0) * 100:.1f}%",
        "95% interval": f"{low * 100:.1f}–{high * 100:.1f}",
        "flake": "" if flakes is None else f"{flakes * 100:.1f}%",
        "floor": floor_text(floor),
    }
    weight = 3 if verdict is Verdict.FAIL else 1 if counts.right < counts.n else 0
    return TableRow(path, cells, verdict.value.upper() if verdict else "", weight)


def _changed(row: TableRow, path: str, comparison: Comparison, failed: frozenset[str] = frozenset()) -> TableRow:
    """A row with what its field lost and gained; LOST takes precedence over PASS."""
    change = comparison.fields.get(path)
    if change is None:
        return row
    is_lost = path in comparison.failed or (path in failed and row.verdict != "FAIL")
    verdict = " ".join(["FAIL"] * (row.verdict == "FAIL") + ["LOST"] * is_lost) or row.verdict
    weight = max(row.weight, 4 if is_lost else 2 if change.lost else 1 if change.gained else 0)
    return TableRow(path, row.cells | _change_cells(change), verdict, weight)


def _change_cells(change: FieldChange) -> dict[str, str]:
    cells = {
        "before": f"{(change.before.accuracy or 0) * 100:.1f}%",
        "lost": str(len(change.lost)),
        "gained": str(len(change.gained)),
    }
    if change.lost or change.gained:
        cells["p"] = f"{change.p:.3g}"
        cells["p_adj"] = "waived" if change.p_adj is None else f"{change.p_adj:.3g}"
    return cells


def _together(comparison: Comparison) -> TableRow:
    cells = {"p": f"{comparison.pooled_p:.3g}", "p_adj": f"{comparison.pooled_p_adj:.3g}"}
    return TableRow("all fields", cells, "LOST" if comparison.pooled_p_adj <= comparison.alpha else "", 5)


def floor_text(floor: Floor | None) -> str:
    """`95%`, or `P 90%, R 80%`: the first letter of each rate other than accuracy; nothing without a floor."""
    rates = floor.rates.items() if floor else ()
    return ", ".join(f"{'' if name == 'accuracy' else name[0].upper() + ' '}{percent(limit)}" for name, limit in rates)


def _limited(rows: Sequence[TableRow], width: int, limit: int | None) -> list[str]:
    """A table of at most `limit` rows; those that are left out are counted."""
    if limit is None or len(rows) <= limit:
        return table(rows, width)
    kept = sorted(range(len(rows)), key=lambda number: (-rows[number].weight, number))[:limit]
    others = [row for number, row in enumerate(rows) if number not in set(kept)]
    n_bad = sum(row.weight >= 3 for row in others)
    what = f"{n_bad} of them FAIL or LOST" if n_bad else "none of them FAIL or LOST"
    return [
        *table([rows[number] for number in sorted(kept)], width),
        f" … and {counted(len(others), 'more field')}, {what} (-v)",
    ]


def table(
    rows: Sequence[TableRow], width: int, first: str = "field", dispensable: Sequence[str] = _DISPENSABLE
) -> list[str]:
    """Aligned columns of at most `width`, under a heading; `first` is that of the names.

    The `dispensable` columns are left out, in this order, before a name gets less than 12 columns; luxuries among them
    before it gets less than 24.
    """
    if not rows:
        return []
    names = list(dict.fromkeys(name for row in rows for name, cell in row.cells.items() if cell))
    order = [name for name in rows[0].cells | dict.fromkeys(names) if name in names]
    widths = {name: max(columns(name), *(columns(row.cells.get(name, "")) for row in rows)) for name in order}
    last = max(len(row.verdict) for row in rows)
    longest = max(columns(first), *(columns(field_name(row.name)) for row in rows))

    def rest() -> int:
        return 1 + sum(width + _GAP for width in widths.values()) + (last + _GAP if last else 0)

    for name in dispensable:
        least = _READABLE_NAME if name in _LUXURIES else _LEAST_NAME
        if rest() + min(longest, least) > width:
            widths.pop(name, None)
    name_width = max(min(longest, width - rest()), 5)
    lines = [_line(first, {name: name for name in widths}, "", name_width, widths)]
    lines += [_line(field_name(row.name, name_width), row.cells, row.verdict, name_width, widths) for row in rows]
    return lines


def _line(name: str, cells: Mapping[str, str], verdict: str, name_width: int, widths: Mapping[str, int]) -> str:
    shown = [padded(name, name_width), *(_right(cells.get(column, ""), width) for column, width in widths.items())]
    return (" " + (" " * _GAP).join([*shown, verdict])).rstrip()


def _right(cell: str, width: int) -> str:
    return " " * (width - columns(cell)) + cell
