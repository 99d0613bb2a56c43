"""Recipes of docs/scale.md, run on small files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_llm_extract import Totals, score_partition

PAGE = Path(__file__).parents[1] / "docs/scale.md"
MODULE = """
from pydantic import BaseModel

class Invoice(BaseModel):
    vendor: str | None = None
    total: float | None = None
"""


def run_recipe(engine: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the recipe that imports an engine; its totals are those of one pass in this process."""
    import pyarrow
    import pyarrow.parquet as parquet

    gold = [{"id": f"c{k}", "expected": json.dumps({"vendor": f"V{k % 5}", "total": k / 10})} for k in range(200)]
    predicted = [{"id": f"c{k}", "raw": json.dumps({"vendor": f"V{k % 4}", "total": k / 10})} for k in range(1, 200)]
    for name, rows in (("gold", gold), ("run-7", predicted)):
        (folder / name).mkdir()
        parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name / "0.parquet", row_group_size=50)
    (folder / "myapp").mkdir()
    (folder / "myapp/invoices.py").write_text(MODULE)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (recipe,) = (
        text for text in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL) if engine in text
    )
    assert len([line for line in recipe.splitlines() if line]) <= 15
    found: dict[str, Any] = {}
    exec(recipe.replace("s3://bucket", str(folder)).replace("num_partitions=64", "num_partitions=2"), found)
    totals: Totals = found["totals"]
    alone = score_partition([*gold, *predicted], "myapp.invoices:Invoice")
    assert (totals.counts, totals.examples) == (alone.counts, alone.examples)
    assert totals.counts.problems == {"missing": 1}
