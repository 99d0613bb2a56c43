"""How long golden data takes to load: `python benchmarks/golden_data.py` prints seconds for each format and size."""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_llm_extract.dataset import load_cases

Rows = list[dict[str, Any]]


def rows_of(n_cases: int) -> Rows:
    """Cases of a short document and four labelled values, two of them nested."""
    return [
        {
            "id": f"case-{number:06}",
            "input": f"Invoice {number}\n" + "a line of the document\n" * 10,
            "expected": {"vendor": "ACME", "total": f"{number}.50", "address": {"city": "Ulm", "zip": None}},
        }
        for number in range(n_cases)
    ]


def write_jsonl(rows: Rows, path: Path) -> None:
    """One line a case."""
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def write_json(rows: Rows, path: Path) -> None:
    """One indented list."""
    path.write_text(json.dumps(rows, indent=2), encoding="utf-8")


def write_csv(rows: Rows, path: Path) -> None:
    """Documents in quoted cells of several lines."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        fields = ("vendor", "total", "address.city", "address.zip")
        writer.writerow(["id", "input", *(f"expected.{name}" for name in fields)])
        for row in rows:
            gold = row["expected"]
            writer.writerow([row["id"], row["input"], gold["vendor"], gold["total"], gold["address"]["city"], "null"])


def write_yaml(rows: Rows, path: Path) -> None:
    """Block style, documents as literal blocks."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            gold = row["expected"]
            document = row["input"].replace("\n", "\n    ").rstrip(" ")
            file.write(f"- id: {row['id']}\n  input: |\n    {document}  expected:\n    vendor: {gold['vendor']}\n")
            file.write(f'    total: "{gold["total"]}"\n    address:\n      city: Ulm\n      zip: null\n')


def write_folder(rows: Rows, path: Path) -> None:
    """Two files a case."""
    path.mkdir()
    for row in rows:
        (path / f"{row['id']}.txt").write_text(row["input"], encoding="utf-8")
        (path / f"{row['id']}.json").write_text(json.dumps(row["expected"]), encoding="utf-8")


FORMATS: dict[str, Callable[[Rows, Path], None]] = {
    "gold.jsonl": write_jsonl,
    "gold.json": write_json,
    "gold.csv": write_csv,
    "gold.yaml": write_yaml,
    "folder": write_folder,
}


def median_s(path: Path, rows: Rows, rounds: int) -> float:
    """Median wall time of loading in seconds; what was loaded is what was written."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        cases = load_cases(path, path.name)
        times.append(time.perf_counter() - start)
        assert [case.expected for case in cases] == [row["expected"] for row in rows]
        assert cases[-1].input == rows[-1]["input"]
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"median of {options.rounds}, seconds")
    print(f"{'format':12}" + "".join(f"{n_cases:>12,}" for n_cases in options.cases))
    with tempfile.TemporaryDirectory() as folder:
        for name, write in FORMATS.items():
            cells = []
            for n_cases in options.cases:
                rows, path = rows_of(n_cases), Path(folder) / str(n_cases) / name
                path.parent.mkdir(exist_ok=True)
                write(rows, path)
                cells.append(f"{median_s(path, rows, options.rounds):12.2f}")
            print(f"{name:12}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
