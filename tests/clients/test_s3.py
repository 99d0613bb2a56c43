"""`llm-extract score --engine dask` on files of S3: a real client, and a server of S3 on this machine."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_llm_extract.cli.main import main

s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
pytestmark = pytest.mark.slow

MODULE = """
from pydantic import BaseModel

class Invoice(BaseModel):
    vendor: str | None = None
    total: float | None = None
"""
GOLD = [{"id": f"c{k}", "vendor": f"V{k % 7}\nof two lines", "total": k / 10} for k in range(400)]
PREDICTED = [{**row, "vendor": "V1" if k % 5 else row["vendor"]} for k, row in enumerate(GOLD)][3:]


def content(kind: str, rows: list[dict[str, Any]]) -> bytes:
    """Records in a format."""
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    from pyarrow import parquet

    data = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), data, row_group_size=100)
    return data.getvalue()


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, which processes of this test find by their environment."""
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://{}:{}".format(*server.get_host_and_port()))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "loopback-only")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "of_s3.py").write_text(MODULE)
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("bucket")
    yield files
    server.stop()


def score(gold: str, predictions: str, *arguments: str) -> Result:
    """`llm-extract score`."""
    return CliRunner().invoke(main, ["score", gold, predictions, "--schema", "of_s3:Invoice", *arguments])


def test_files_of_s3(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each format, read by worker processes, in several files: the table and counts of local files in one process.

    A file, a bucket and a server that are not there: one line, and exit status 2.
    """
    for kind in ("jsonl", "csv", "parquet"):
        bucket.pipe(f"bucket/gold.{kind}", content(kind, GOLD))
        for number, rows in enumerate((PREDICTED[:200], PREDICTED[200:])):
            bucket.pipe(f"bucket/run/{number}.{kind}", content(kind, rows))
    (tmp_path / "gold.jsonl").write_bytes(content("jsonl", GOLD))
    (tmp_path / "p.jsonl").write_bytes(content("jsonl", PREDICTED))
    alone = score("gold.jsonl", "p.jsonl")
    table = [line for line in alone.output.splitlines() if line.startswith((" vendor", " total", "documents:"))]
    assert len(table) == 3
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        engine = ("--scheduler", cluster.scheduler_address)
        for kind in ("jsonl", "csv", "parquet"):
            run = score(f"s3://bucket/gold.{kind}", f"s3://bucket/run/*.{kind}", *engine)
            assert run.exit_code == alone.exit_code, run.output
            assert [line for line in run.output.splitlines() if line in table] == table
            assert f"s3://bucket/gold.{kind}:" in run.output  # of the cases without a prediction
    absent = score("s3://other/gold.jsonl", "s3://other/p.jsonl", "--engine", "dask")
    assert (absent.exit_code, absent.output) == (2, "llm-extract: s3://other/gold.jsonl: does not exist\n")
    absent = score("s3://bucket/gold.jsonl", "s3://bucket/none-*.jsonl", "--engine", "dask")
    assert (absent.exit_code, absent.output) == (2, "llm-extract: s3://bucket/none-*.jsonl: does not exist\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    silent = score("s3://bucket/gold.jsonl", "s3://bucket/p.jsonl", "--engine", "dask")
    assert silent.exit_code == 2
    assert silent.output.startswith("llm-extract: s3://bucket/gold.jsonl: cannot be read: Could not connect ")
