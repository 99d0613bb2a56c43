"""Golden data: dataset files, folders, lists and callables become cases."""

from __future__ import annotations

from pytest_llm_extract.dataset.case import Case
from pytest_llm_extract.dataset.load import load_cases

__all__ = ["Case", "load_cases"]
