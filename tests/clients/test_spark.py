"""Spark: the recipe of docs/scale.md."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from engines import run_recipe

pytest.importorskip("pyspark", reason="pyspark is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is not installed"),
]


def test_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of a join, scored by Python workers of Spark."""
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "4", "spark.sql.adaptive.enabled": "false"}
    spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    try:
        run_recipe("mapInPandas", tmp_path, monkeypatch)
    finally:
        spark.stop()
