"""Files of golden data, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.errors import DatasetError

NESTED = """
import pytest
from pydantic import BaseModel, Field

class Address(BaseModel):
    city: str | None = None
    zip: str | None = None

class Line(BaseModel):
    price: float

class Order(BaseModel):
    name: str
    address: Address | None = None
    lines: list[Line] = []
    boxes: dict[str, Line] = {}
    vat: int = Field(0, alias="taxNumber")

CASES = [{"id": "c0", "input": "x", "expected": EXPECTED}]

@pytest.mark.llm_extract(schema=Order, cases=CASES)
def test_orders(extraction):
    pass
"""


def load(folder: Path, name: str, content: str | bytes) -> list[Case]:
    """The cases of a file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_cases(path, name)


def problem(folder: Path, name: str, content: str | bytes) -> str:
    """What is said of a file with this content."""
    with pytest.raises(DatasetError) as error:
        load(folder, name, content)
    return str(error.value)


def fill(folder: Path, **files: str | bytes) -> Path:
    """A folder of files; `a_txt` is `a.txt`."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / (name if "." in name else name.replace("_", "."))
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
