"""How fast `llm-extract score` goes, and how much memory it takes: `python benchmarks/score_stream.py`.

Flat records of six fields, one leaf in twelve wrong, predictions in another order than gold. Each size is scored in
one process, in two, and on Dask (extra `dask`) with two; each time the command is a process of its own. `a core s` are
records for each second of processor time, start-up included, and `× first` compares them with one process. Memory is
the peak of the largest process (`resource.getrusage` of the children, the workers' among them), in MB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MODEL = """
from datetime import date
from decimal import Decimal

from pydantic import BaseModel


class Invoice(BaseModel):
    vendor: str | None = None
    number: str | None = None
    issued: date | None = None
    amount: Decimal | None = None
    quantity: int | None = None
    currency: str | None = None
"""


def record(k: int) -> dict[str, Any]:
    """Six fields."""
    return {
        "vendor": f"Vendor number {k % 977} Ltd",
        "number": f"INV-{k:07}",
        "issued": f"20{k % 25:02}-{k % 12 + 1:02}-{k % 28 + 1:02}",
        "amount": f"{k * 7 % 5000}.{k % 100:02}",
        "quantity": k % 12 + 1,
        "currency": None if k % 9 == 0 else "EUR",
    }


def spoiled(k: int) -> dict[str, Any]:
    """One field of every second record is wrong."""
    found = record(k)
    if k % 2:
        name = list(found)[k % 12 // 2]
        found[name] = {
            "vendor": "Somebody",
            "number": "?",
            "issued": "1999-01-01",
            "amount": "0.01",
            "quantity": 99,
        }.get(name)
    return found


def write_files(folder: Path, n: int) -> None:
    """gold.jsonl, predictions.jsonl and the schema."""
    (folder / "invoices.py").write_text(textwrap.dedent(MODEL))
    order = list(range(n))
    random.Random(1).shuffle(order)
    for name, key, ids, made in (("gold", "expected", range(n), record), ("predictions", "output", order, spoiled)):
        with (folder / f"{name}.jsonl").open("w") as file:
            file.writelines(json.dumps({"id": f"rec-{k:07}", key: made(k)}) + "\n" for k in ids)


_MEASURED = """
import resource, subprocess, sys
run = subprocess.run(sys.argv[1:], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(run.stdout.splitlines()[-1], used.ru_maxrss // 1024, used.ru_utime + used.ru_stime, run.returncode, sep="|")
"""


WAYS = {
    "one process": ("--processes", "1"),
    "two processes": ("--processes", "2"),
    "Dask, two processes": ("--engine", "dask", "--processes", "2"),
}


def measure(n: int) -> Iterator[str]:
    """Lines of the table: one for each way to run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, n)
        size = sum(path.stat().st_size for path in folder.glob("*.jsonl")) / 1e6
        first = 0.0
        for way, options in WAYS.items():
            cpu_s, line = run(folder, n, options)
            first = first or cpu_s
            yield f"{way:>20} {n:>11,} {size:>7.0f} {line} {first / cpu_s:>8.2f}"


def run(folder: Path, n: int, options: Sequence[str]) -> tuple[float, str]:
    """Processor seconds of the command, and what it did in columns."""
    tool = str(Path(sys.executable).with_name("llm-extract"))
    arguments = [tool, "score", "gold.jsonl", "predictions.jsonl", "--schema", "invoices:Invoice", *options]
    start = time.perf_counter()
    found = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    took_s = time.perf_counter() - start
    _, peak_mb, cpu_s, status = found.stdout.strip().split("|")
    assert status == "0", found.stdout
    cpu = float(cpu_s)
    return cpu, f"{took_s:>8.1f} {n / took_s:>10,.0f} {cpu:>8.1f} {n / cpu:>10,.0f} {peak_mb:>8}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[100_000, 1_000_000])
    print(f"load average before: {os.getloadavg()[0]:.1f}, cores: {os.cpu_count()}")
    print(
        f"{'':>20} {'records':>11} {'MB':>7} {'wall s':>8} {'records/s':>10} "
        f"{'CPU s':>8} {'a core s':>10} {'peak MB':>8} {'× first':>8}"
    )
    for n in parser.parse_args().sizes:
        for line in measure(n):
            print(line, flush=True)


if __name__ == "__main__":
    main()
