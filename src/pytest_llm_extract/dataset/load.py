"""Load cases from any source, and check what must hold for all of them together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from pytest_llm_extract.dataset.case import Case, MissingFileError, RowError, read_case
from pytest_llm_extract.dataset.csv_rows import csv_rows
from pytest_llm_extract.dataset.folder_rows import folder_rows
from pytest_llm_extract.dataset.json_rows import json_rows, jsonl_rows
from pytest_llm_extract.dataset.yaml_rows import yaml_rows
from pytest_llm_extract.errors import SHOWN_PROBLEMS, DatasetError, Place, Problems, did_you_mean
from pytest_llm_extract.formats.exact_decimals import ReadNumber, exact_text, has_long_number, read_number
from pytest_llm_extract.formats.text_files import UnreadableFileError, read_text

CasesSource = Path | Iterable[Any] | Callable[[], Iterable[Any]]
Row = tuple[Place, Any]

_FORMATS: dict[str, Callable[[str, Problems, ReadNumber], list[Row]]] = {
    ".jsonl": jsonl_rows,
    ".json": json_rows,
    ".csv": csv_rows,
    ".yaml": yaml_rows,
    ".yml": yaml_rows,
}
_LISTED = 1000


def load_cases(source: CasesSource, name: str, folder: Path | None = None) -> list[Case]:
    """Read golden data; `name` is how errors call it.

    Files that rows name lie beside the dataset; those of rows from Python in `folder` (default: the current one).

    Raises:
        DatasetError: a row cannot be read, lacks a column, or repeats an id; every problem with its place.
    """
    problems: Problems = []
    numbers = _Numbers()
    if isinstance(source, Path):
        rows = _path_rows(source, problems, numbers)
        folder = source if source.is_dir() else source.parent
    else:
        rows = list(enumerate(_given_rows(source, name), start=1))
    cases = _cases(rows, folder or Path(), problems, numbers)
    if not problems and not cases:
        problems.append((None, "holds no cases"))
    if problems:
        raise DatasetError(name, sorted(problems, key=_in_order))
    return cases


def refuse_outside(cases: Iterable[Case], folder: Path, allowed: Sequence[Path], name: str) -> None:
    """Check that documents named relative to `folder` lie in an allowed one; `name` is how errors call the dataset.

    Raises:
        DatasetError: a document lies elsewhere; every such row with its place.
    """
    roots = [path.resolve() for path in allowed]
    problems: Problems = []
    for case in cases:
        given = case.columns.get("input_file")
        if given is not None and not any((folder / given).resolve().is_relative_to(root) for root in roots):
            problem = f"case {case.id!r}: input_file {str(given)!r} is outside of the project; allow its folder with "
            problems.append((case.place, f"{problem}the ini llm_extract_input_folders"))
    if problems:
        raise DatasetError(name, problems)


def expected_by_id(text: str, suffix: str) -> dict[str, Any]:
    """What the rows of a dataset's text expect, by case id; rows that cannot be read are left out.

    `suffix` says the format; nothing is read of an unknown one.
    """
    reader = _FORMATS.get(suffix.lower())
    rows = reader(text, [], float) if reader is not None else []
    return {str(row["id"]): row.get("expected") for _, row in rows if isinstance(row, Mapping) and "id" in row}


def _given_rows(source: Any, name: str) -> Iterable[Any]:
    given = source() if callable(source) else source
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        what = (
            "the callable must return a list of cases"
            if callable(source)
            else "must be a file, a folder, a list or a callable"
        )
        raise DatasetError(name, [(None, f"{what}, got {given!r:.60}")])
    return given


class _Numbers:
    """Reads numbers. `n_long` counts those with more digits than a float, which become Decimals."""

    n_long = 0

    def __call__(self, literal: str) -> float | Decimal:
        number = read_number(literal)
        self.n_long += isinstance(number, Decimal)
        return number


def _path_rows(path: Path, problems: Problems, numbers: ReadNumber) -> list[Row]:
    if path.is_dir():
        return folder_rows(path, problems, numbers)
    reader = _FORMATS.get(path.suffix.lower())
    if reader is None:
        given = path.suffix or "a file without suffix"
        problems.append((None, f"golden data must be {', '.join(_FORMATS)} or a folder, got {given}"))
        return []
    try:
        text = read_text(path)
        # float itself, wherever it will do: the json module reads by it several times as fast.
        return reader(text, problems, numbers if has_long_number(text) else float)
    except FileNotFoundError:
        problems.append((None, "cannot be read: no such file"))
    except UnreadableFileError as error:
        problems.append((error.line, str(error)))
    return []


def _cases(rows: list[Row], folder: Path, problems: Problems, numbers: _Numbers) -> list[Case]:
    cases: list[Case] = []
    first: dict[str, Place] = {}
    read = _read_exactly if numbers.n_long else read_case
    for place, row in rows:
        try:
            case = row if isinstance(row, Case) else read(row, place, folder)
        except MissingFileError as error:
            problems.append((place, f"{error}{_near(error.path) if len(problems) < SHOWN_PROBLEMS else ''}"))
            continue
        except RowError as error:
            problems.append((place, str(error)))
            continue
        if case.id in first:
            problems.append((place, f"id {case.id!r} is used twice, first in line {first[case.id]}"))
        first.setdefault(case.id, place)
        cases.append(case)
    return cases


def _read_exactly(row: Any, place: Place, folder: Path) -> Case:
    """`read_case` of a row that may hold Decimals: the case has floats, and `written` what they leave out."""
    text = exact_text(row)
    case = read_case(json.loads(text), place, folder)
    written = exact_text(row["expected"])
    return replace(case, written=written) if written != json.dumps(case.expected) else case


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent.name!r} there."
    return did_you_mean(path.name, [found.name for found in islice(path.parent.iterdir(), _LISTED)])


def _in_order(problem: tuple[Place, str]) -> tuple[int, str]:
    place = problem[0]
    return (place, "") if isinstance(place, int) else (0, place or "")
