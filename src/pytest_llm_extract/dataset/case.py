"""One golden record, and how it is read from a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_llm_extract.errors import Place, did_you_mean, nearest
from pytest_llm_extract.formats.text_files import UnreadableFileError, read_document

KNOWN = ("id", "input", "input_file", "expected", "context", "metadata", "group")
# 'groups' and 'goup' are near 'group'; 'content', a likely column of a prompt, is not near 'context'.
_NEAR = 0.88


class RowError(Exception):
    """A row that is not a valid case, with the reason."""


class MissingFileError(RowError):
    """A row names a file that does not exist."""

    def __init__(self, problem: str, path: Path) -> None:
        super().__init__(problem)
        self.path = path


@dataclass(frozen=True)
class Case:
    """One golden record. Cases of one `group` are not independent evidence, so they are tested together.

    `input` is a text or any JSON, or the `Path` of a file that is not text. `columns` holds every column of its row but
    `expected`. `place` is its line in the dataset, or its file in a folder; None for a case made in Python. `written`
    is `expected` as JSON text, where a file gives it a number with more digits than a float has; elsewhere None.
    """

    id: str
    input: Any
    expected: Any
    metadata: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    place: Place = None
    context: Any = None
    written: str | None = field(default=None, repr=False, compare=False)

    @property
    def prompt_columns(self) -> dict[str, Any]:
        """What a prompt may name: every column but `expected`, and what `metadata` holds."""
        return {**self.metadata, **self.columns, "id": self.id, "input": self.input}

    @property
    def shown_input(self) -> Any:
        """The input as reports show it. A file that is not text is shown by the name in its row, not by its path."""
        return str(self.columns.get("input_file", self.input)) if isinstance(self.input, Path) else self.input


def read_case(row: Any, place: Place, folder: Path) -> Case:
    """A row as a case; `folder` is where the file that it may name lies.

    Raises:
        RowError: it lacks or misspells a column, or holds what a case cannot be made of.
    """
    if not isinstance(row, Mapping):
        raise RowError(f"a case must be an object, got {type(row).__name__}")
    if problem := check_columns(tuple(map(str, row))):
        raise RowError(problem)
    case_id = _id(row["id"])
    return Case(
        case_id,
        _input(row, case_id, folder),
        row["expected"],
        _metadata(row.get("metadata")),
        _group(row.get("group")),
        {key: value for key, value in row.items() if key != "expected"},
        place,
        row.get("context"),
    )


@lru_cache(maxsize=256)
def check_columns(names: tuple[str, ...]) -> str | None:
    """Check the columns of a row; return the faults in one line. Columns of other names are for prompts."""
    others = [name for name in names if name not in KNOWN]
    lacking = [f"lacks {column!r}.{_likely(column, others)}" for column in ("id", "expected") if column not in names]
    if "input" not in names and "input_file" not in names:
        hint = _likely("input", others) or _likely("input_file", others)
        lacking.append(f"lacks 'input' (or 'input_file').{hint}")
    if lacking:
        return " It ".join(lacking)
    if "input" in names and "input_file" in names:
        return "has both 'input' and 'input_file'"
    for name in others:
        if (meant := misspelt(name)) and meant not in (*names, "input", "input_file"):
            return (
                f"no column {name!r} in golden data. Did you mean {meant!r}? (What a prompt needs may go in metadata.)"
            )
    return None


def misspelt(name: str) -> str | None:
    """The column whose name is nearly this one, if any."""
    return None if name in KNOWN else nearest(name.lower(), KNOWN, _NEAR)


def _likely(column: str, names: list[str]) -> str:
    same = [name for name in names if name.strip().lower() == column]
    return f" Did you mean {same[0]!r}?" if same else did_you_mean(column, names)


def _id(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise RowError(f"id must be a string or a number, got {value!r}")
    _refuse_surrogates(str(value), "id")
    return str(value)


def _input(row: Mapping[Any, Any], case_id: str, folder: Path) -> Any:
    if "input" in row:
        if isinstance(row["input"], str):
            _refuse_surrogates(row["input"], f"case {case_id!r}: input")
        return row["input"]
    name = row["input_file"]
    if not isinstance(name, str | Path) or not str(name).strip():
        raise RowError(f"case {case_id!r}: input_file must be the name of a file, got {name!r}")
    try:
        return read_document(folder / name)
    except FileNotFoundError:
        raise MissingFileError(f"case {case_id!r}: input_file: no file {str(name)!r}.", folder / name) from None
    except UnreadableFileError as error:
        line = f", line {error.line}" if error.line else ""
        raise RowError(f"case {case_id!r}: input_file {str(name)!r}{line}: {error}") from None


def _refuse_surrogates(text: str, what: str) -> None:
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise RowError(
            f"{what} holds half of a surrogate pair ({text[error.start]!r}), which no request can carry"
        ) from None


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping | None):
        raise RowError(f"metadata must be an object, got {value!r}")
    return dict(value or {})


def _group(value: Any) -> str | None:
    if not isinstance(value, str | int | None) or isinstance(value, bool):
        raise RowError(f"group must be a string or a number, got {value!r}")
    return None if value is None else str(value)


def is_held_out(metadata: Mapping[str, Any]) -> bool:
    """Whether a case is kept for one test at the end: its metadata say `{"split": "holdout"}`."""
    return metadata.get("split") == "holdout"
