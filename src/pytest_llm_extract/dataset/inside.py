"""Documents stay in the project: a row of golden data must not send another file of the machine to a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_llm_extract.dataset.case import Case
from pytest_llm_extract.errors import DatasetError, Problems


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
