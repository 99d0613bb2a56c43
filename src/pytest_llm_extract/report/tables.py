"""Tables, as text that fits a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_llm_extract.formats.visible import Block, visible
from pytest_llm_extract.gate.floors import judge_field
from pytest_llm_extract.report.terminal_text import field_name
from pytest_llm_extract.results.aggregate import FieldSummary
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.wording import percent

if TYPE_CHECKING:
    from rich.table import Table

_LEAST_NAME = 12  # columns that a table leaves to its fields


def fields_table(fields: Mapping[str, FieldSummary], floors: Mapping[str, Floor], width: int) -> Block:
    """Field, right/n, accuracy, its 95 % interval, floor and verdict; the flake rate where there are samples."""
    flakes = any(summary.flakes.n_cases for summary in fields.values())
    table = new_table(("right/n", "accuracy", "95% interval", *(["flake"] if flakes else []), "floor", ""))
    for path, summary in fields.items():
        counts, floor = summary.counts, floors.get(path)
        verdict = judge_field(summary, floor)
        low, high = summary.interval
        table.add_row(
            field_name(path),
            f"{counts.right}/{counts.n}",
            f"{(counts.accuracy or 0) * 100:.1f}%",
            f"{low * 100:.1f}–{high * 100:.1f}",
            *([_flake_text(summary)] if flakes else []),
            _floor_text(floor) if floor is not None else "",
            verdict.value.upper() if verdict else "",
        )
    return render(table, width)


def _flake_text(summary: FieldSummary) -> str:
    rate = summary.flakes.rate
    return "" if rate is None else f"{rate * 100:.1f}%"


def _floor_text(floor: Floor) -> str:
    """`95%`, or `P 90%, R 80%`: the first letter of each rate that is no accuracy."""
    shown = [
        f"{'' if name == 'accuracy' else name[0].upper() + ' '}{percent(limit)}" for name, limit in floor.rates.items()
    ]
    return ", ".join(shown)


def new_table(columns: Sequence[str], first: str = "field") -> Table:
    """An empty table: a column for the `first`, which folds, then these."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in columns:
        table.add_column(visible(name), justify="right", no_wrap=True)
    return table


def render(table: Table, width: int) -> Block:
    """A table as text of at most `width` columns; cells are shown as they are (`:id:` is no emoji).

    Fields fold, but not to less than twelve columns: below that a table is wider, for the terminal to wrap.
    """
    from rich.console import Console

    out = io.StringIO()
    width = max(width, 40, _least_width(table))
    console = Console(file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False)
    console.print(table)
    return Block("\n".join(line.rstrip() for line in out.getvalue().strip("\n").split("\n")))


def _least_width(table: Table) -> int:
    """The columns that a table takes whose fields fold as narrow as they may, and nothing else does."""
    from rich.cells import cell_len
    from rich.console import Console

    names = table.columns[0]
    longest = max(cell_len(str(name)) for name in (names.header, *names.cells))
    widest = Console(width=sys.maxsize, markup=False, emoji=False).measure(table).maximum
    return widest - max(0, longest - _LEAST_NAME)
