"""Rows of a folder: `name.txt` (or another document) beside `name.json`, its gold."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import Any

from pytest_llm_extract.dataset.case import RowError, misspelt
from pytest_llm_extract.errors import Place, Problems
from pytest_llm_extract.formats.exact_decimals import ReadNumber
from pytest_llm_extract.formats.strict_json import read_json
from pytest_llm_extract.formats.text_files import UnreadableFileError, read_text


def folder_rows(folder: Path, problems: Problems, number: ReadNumber = float) -> list[tuple[Place, Any]]:
    """One case for each `.json`, in the order of the names; its id is the name without suffix, its place the `.json`.

    Names that start with a dot, and a README, are not part of the golden data.
    """
    documents: dict[str, list[str]] = {}
    golds: dict[str, Path] = {}
    for name, is_folder in sorted(_listed(folder, problems)):
        stem, suffix = PurePath(name).stem, PurePath(name).suffix
        if is_folder:
            problems.append((name, "is a folder; the files of golden data must lie side by side"))
        elif suffix.lower() == ".json":
            golds[stem] = folder / name
        else:
            documents.setdefault(stem, []).append(name)
    for stem, names in documents.items():
        if stem not in golds:
            problems.append((names[0], f"has no {stem}.json beside it"))
    rows = ((path.name, _row(path, documents.get(stem, []), problems, number)) for stem, path in golds.items())
    return [(place, row) for place, row in rows if row is not None]


def _listed(folder: Path, problems: Problems) -> list[tuple[str, bool]]:
    """The names in a folder, and whether each is a folder. `scandir` tells without a call for each file."""
    try:
        with os.scandir(folder) as entries:
            listed = [(entry.name, entry.is_dir()) for entry in entries]
    except OSError as error:
        problems.append((None, f"cannot be read: {error.strerror}"))
        return []
    return [
        (name, is_folder) for name, is_folder in listed if name[0] != "." and PurePath(name).stem.upper() != "README"
    ]


def _row(path: Path, documents: list[str], problems: Problems, number: ReadNumber) -> dict[str, Any] | None:
    if len(documents) != 1:
        said = f"has {' and '.join(documents)} beside it; a case has one document"
        problems.append((path.name, said if documents else f"has no document beside it, such as {path.stem}.txt"))
        return None
    try:
        return _columns(read_json(read_text(path), number), path.stem, documents[0])
    except UnreadableFileError as error:
        problems.append((f"{path.name}:{error.line}" if error.line else path.name, str(error)))
    except RowError as error:
        problems.append((path.name, str(error)))
    except (ValueError, RecursionError) as error:
        problems.append((path.name, f"is not JSON: {error}"))
    return None


def _columns(held: Any, stem: str, document: str) -> dict[str, Any]:
    """The columns of a case: the whole object if it has the key `expected`, else the object as gold."""
    given = held if isinstance(held, dict) else {}
    if "expected" not in given:
        near = [name for name in given if misspelt(name) == "expected"]
        if near:
            raise RowError(f"lacks 'expected'. Did you mean {near[0]!r}?")
        return {"expected": held, "id": stem, "input_file": document}
    for name in ("id", "input", "input_file"):
        if name in given:
            raise RowError(f"{name!r} is given beside 'expected', but the names of the files already say it")
    return {**given, "id": stem, "input_file": document}
