"""`llm-extract score --engine dask`: the same totals, read in blocks through fsspec, on processes or on a cluster."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from commands import LLM_EXTRACT

from pytest_llm_extract.cli.main import main
from pytest_llm_extract.corpus import dask_engine
from pytest_llm_extract.corpus.blocks import find_blocks, find_files, read_block
from pytest_llm_extract.corpus.partition import LINES_OF_A_FILE
from pytest_llm_extract.corpus.record_files import read_records
from pytest_llm_extract.errors import UsageError

fsspec = pytest.importorskip("fsspec", reason="the extra dask is not installed")
distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")

MODULE = """
from pydantic import BaseModel

class Invoice(BaseModel):
    vendor: str | None = None
    total: float | None = None
    note: str | None = None
"""
N = 120


def record(k: int) -> dict[str, Any]:
    """One flat record; some notes have line breaks."""
    return {"id": f"c{k}", "vendor": f"V{k % 7}", "total": k / 10, "note": 'two\nlines, "quoted"' if k % 5 else "é"}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Records in the format of the file's name."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        import pyarrow.parquet as parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=50)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gold and predictions of which some do not match, in several files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(dask_engine, "_BLOCK_BYTES", 3_000)
    monkeypatch.setattr(dask_engine, "_PART_BYTES", 7_000)
    (tmp_path / "of_dask.py").write_text(MODULE)
    write(tmp_path / "gold.jsonl", [record(k) for k in range(N)])
    predicted = [{**record(k), "vendor": f"V{k % 6}"} for k in range(3, N + 2)]
    write(tmp_path / "p-0.jsonl", predicted[:70])
    write(tmp_path / "p-1.jsonl", [*predicted[70:], predicted[0]])
    (tmp_path / "p.jsonl").write_text((tmp_path / "p-0.jsonl").read_text() + (tmp_path / "p-1.jsonl").read_text())
    return tmp_path


def score(*arguments: str, gold: str = "gold.jsonl", predictions: str = "p.jsonl") -> Result:
    """`llm-extract score`, in this process."""
    return CliRunner().invoke(main, ["score", gold, predictions, "--schema", "of_dask:Invoice", *arguments])


@pytest.fixture
def scheduler() -> Iterator[str]:
    """A cluster whose workers are threads of this process: nothing has to start."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0", protocol="tcp"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("size", [1, 700, 10**6])
def test_blocks_hold_every_record_with_its_line(tmp_path: Path, kind: str, size: int) -> None:
    """However a file is cut, on any file system: what reading it in one go gives, line breaks in cells included."""
    path = tmp_path / f"r.{kind}"
    write(path, [record(k) for k in range(N)])
    whole = list(read_records(path, ()))
    url = f"memory://{size}/r.{kind}"
    fsspec.filesystem("memory").pipe(f"/{size}/r.{kind}", path.read_bytes())
    assert find_files(url) == {url: path.stat().st_size}
    assert list(find_files(f"memory://{size}/*.{kind}")) == [url.replace("://", ":///")]
    cut = find_blocks(url, size)
    assert len(cut) >= (2 if size < 1000 else 1)
    assert [found for block in cut for found in read_block(block, ())] == whole
    assert sum(block.n_lines for block in cut) >= N
    assert next(read_block(cut[0], (), 2))[0] == 2 * LINES_OF_A_FILE + whole[0][0]


def test_a_cluster_gives_what_one_process_gives(project: Path, scheduler: str) -> None:
    """Table, problems with file and line, results.json and exit status, of files that a pattern names."""
    alone = score("--json", "alone.json", "--floor", "0.5")
    one = score("--json", "one.json", "--floor", "0.5", "--scheduler", scheduler)
    assert alone.exit_code == one.exit_code == 3
    assert one.output.splitlines()[:-1] == alone.output.splitlines()[:-1]
    suites = [json.loads(Path(name).read_text())["suites"] for name in ("alone.json", "one.json")]
    assert suites[0] == suites[1]
    url = f"file://{project}/p-*.jsonl"
    several = score("--scheduler", scheduler, "--engine", "dask", predictions=url)
    shown = " ".join(several.output.split())
    assert f"1 repeated prediction, the first counts: file://{project}/p-1.jsonl:50 'c3', first in" in shown
    assert f"file://{project}/p-0.jsonl:1" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gold": "none.jsonl"}, "none.jsonl: does not exist"),
        ({"gold": "none-*.jsonl"}, "none-*.jsonl: does not exist"),
        ({"gold": "gold.json"}, "gold.json: is not a .jsonl, .csv or .parquet file, which have blocks. Did you mean"),
        ({"gold": "s4://bucket/gold.jsonl"}, "s4://bucket/gold.jsonl: cannot be read: Protocol not known: s4"),
        ({"part": "1/2"}, "--part: does not go with --engine, which splits the files itself"),
        ({"processes": "2", "scheduler": "tcp://x:1"}, "--processes: does not go with --scheduler"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "--scheduler: tcp://127.0.0.1:1 does not answer: "),
        ({"scheduler": "nonsense://x"}, "--scheduler: nonsense://x does not answer: "),
    ],
)
def test_wrong_arguments(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], message: str
) -> None:
    """One line, and exit status 2."""
    monkeypatch.setattr(dask_engine, "_WAIT_S", 0.5)
    (project / "gold.json").write_text("[]")
    files = {"gold": arguments.pop("gold", "gold.jsonl")}
    options = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    run = score("--engine", "dask", *options, "--json", "x.json", **files)
    assert (run.exit_code, run.output.count("\n")) == (2, 1), run.output
    assert f"llm-extract: {message}" in run.output


def test_files_elsewhere_need_an_engine(project: Path) -> None:
    """A URL without an engine, and a path that is not there, are one line."""
    for name, message in (("s3://b/g.jsonl", "is read by --engine dask only"), ("x.jsonl", "does not exist")):
        run = score(gold=name)
        assert (run.exit_code, run.output) == (2, f"llm-extract: {name}: {message}\n")


def test_without_dask(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    run = score("--engine", "dask")
    assert run.exit_code == 2
    assert run.output == "llm-extract: --engine dask: Dask is not installed: pip install 'pytest-llm-extract[dask]'\n"


def test_failures_of_workers_are_one_line(project: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be decoded, a schema that workers do not find."""
    (project / "bad.csv").write_bytes(b"id,vendor\na,\xff\n")
    run = score("--scheduler", scheduler, predictions="bad.csv")
    assert "bad.csv: cannot be read: 'utf-8' codec can't decode byte 0xff" in run.output
    rules = pickle.dumps(dask_engine.SentRules("elsewhere:Invoice", None, None))
    with pytest.raises(UsageError, match=r"--schema elsewhere:Invoice: not found by a worker \(--schema: no module"):
        dask_engine._schema(rules)


DYING = """
import multiprocessing, os, pathlib, signal
if multiprocessing.parent_process() is not None and (ALWAYS or not pathlib.Path("died").exists()):
    pathlib.Path("died").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize("always", [False, True])
def test_workers_that_die(project: Path, always: bool) -> None:
    """A worker that is killed while it scores changes no digit of the totals; where each one is, that is one line."""
    score("--json", "alone.json")
    (project / "of_dask.py").write_text(f"ALWAYS = {always}\n{DYING}{MODULE}")
    command = [LLM_EXTRACT, "score", "gold.jsonl", "p.jsonl"]
    command += ["--schema", "of_dask:Invoice", "--json", "one.json", "--engine", "dask", "--processes", "2"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (project / "died").exists()
    if always:
        why = "a part was not scored: workers ended each time that they had it, perhaps for want of memory"
        assert (run.returncode, run.stderr) == (2, f"llm-extract: --engine dask: {why}\n")
        return
    assert (run.returncode, run.stderr) == (3, "")
    suites = [json.loads(Path(name).read_text())["suites"] for name in ("alone.json", "one.json")]
    assert suites[0] == suites[1]
