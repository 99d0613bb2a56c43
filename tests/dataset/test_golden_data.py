"""Golden data of any format: encodings, mistakes, cases."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from golden_files import NESTED, fill, load, problem
from pydantic import BaseModel

from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.errors import DatasetError
from pytest_llm_extract.schema.schema import Schema


@pytest.mark.parametrize("name", ["gold.jsonl", "gold.json", "gold.csv", "gold.yaml"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(tmp_path: Path, name: str, encoding: str, end: str) -> None:
    """Every format loads in every encoding that says what it is, with the same line numbers."""
    rows = [{"id": f"c{i}", "input": "Grüße 🙂", "expected": {"a": "ß"}} for i in range(2)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    text = {
        ".jsonl": "\n" + "\n".join(lines),
        ".json": "[\n" + ",\n".join(lines) + "\n]",
        ".csv": "id,input,expected.a\n" + "".join(f"{row['id']},Grüße 🙂,ß\n" for row in rows),
        ".yaml": "---\n" + "".join(f"- {line}\n" for line in lines),
    }[Path(name).suffix]
    cases = load(tmp_path, name, text.replace("\n", end).encode(encoding))
    assert [(case.id, case.input, case.expected, case.place) for case in cases] == [
        ("c0", "Grüße 🙂", {"a": "ß"}, 2),
        ("c1", "Grüße 🙂", {"a": "ß"}, 3),
    ]


@pytest.mark.parametrize("name", ["gold.jsonl", "gold.json", "gold.csv", "gold.yaml"])
def test_other_encoding_names_its_line(tmp_path: Path, name: str) -> None:
    """Latin-1 is never guessed."""
    said = problem(tmp_path, name, "id\n\nGr\xfc\xdfe".encode("latin-1"))
    assert said == f"{name}:3: is not UTF-8: byte 0xfc; save it as UTF-8"


@pytest.mark.parametrize("name", ["gold.jsonl", "gold.json", "gold.csv", "gold.yaml"])
def test_very_long_line(tmp_path: Path, name: str) -> None:
    """A document of five million characters in one cell or line."""
    long = "x" * 5_000_000
    row = json.dumps({"id": "c0", "input": long, "expected": {"a": "y"}})
    text = {".csv": f"id,input,expected.a\nc0,{long},y\n", ".json": f"[{row}]", ".yaml": f"- {row}"}
    assert load(tmp_path, name, text.get(Path(name).suffix, row))[0].input == long


def test_unknown_format_and_missing_file(tmp_path: Path) -> None:
    """The formats that there are, in one line."""
    assert problem(tmp_path, "gold.xlsx", "") == (
        "gold.xlsx: golden data must be .jsonl, .json, .csv, .yaml, .yml or a folder, got .xlsx"
    )
    with pytest.raises(DatasetError, match=r"gold.csv: cannot be read: no such file"):
        load_cases(tmp_path / "gold.csv", "gold.csv")


def test_same_mistake_in_every_case_is_said_ten_times(tmp_path: Path) -> None:
    """Ten lines and a count, in the order of the file."""
    lines = [json.dumps({"id": i, "input_file": f"{i}.txt", "expected": {}}) for i in range(5_000)]
    said = problem(tmp_path, "gold.jsonl", "\n".join(lines)).splitlines()
    assert (said[0], len(said)) == ("gold.jsonl:1: case '0': input_file: no file '0.txt'.", 11)
    assert said[-1] == "gold.jsonl: … and 4,990 more problems"


class Part(BaseModel):
    """A part with a field of two types, and a list."""

    code: int | date
    name: str
    sizes: list[int] = []


def test_every_fault_of_a_case_is_told_once() -> None:
    """Several fields of a case, and of a field with several types the first reason alone."""
    expected = {"code": "x", "nmae": "bolt", "name": 5, "sizes": [1, "y", "z"]}
    with pytest.raises(DatasetError) as caught:
        read_golden([Case("c0", "x", expected, place=3)], Schema.of(Part, "here"), "gold.jsonl")
    said = [line.split(": ")[2].removeprefix("expected.") for line in str(caught.value).splitlines()]
    assert said == ["code", "name", "sizes.1", "sizes.2", "nmae"]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"address": {"cty": "x"}}, "expected.address.cty: * no field 'address.cty'. Did you mean 'address.city'?"),
        ({"lines": [{"price": 1}, {"pice": 1}]}, "expected.lines.1.pice: *. Did you mean 'lines[].price'?"),
        ({"boxes": {"a": {"prce": 1}}}, "expected.boxes.a.prce: *. Did you mean 'boxes{}.price'?"),
        ({"adress": {}}, "expected.adress: * no field 'adress'. Did you mean 'address'?"),
        ({"taxNumbr": 1}, "expected.taxNumbr: * no field 'taxNumbr'. Did you mean 'vat'?"),
        ({"city": "x"}, "expected.city: * no field 'city'. Did you mean 'address.city'?"),
        ({"address": {"qqq": 1}}, "expected.address.qqq: the schema has no field 'address.qqq'."),
        (
            {"vat": 1, "taxNumber": 1},
            "expected.vat: the field 'vat' is given twice, by its name and by its alias; use one",
        ),
        ({"address": {"city": 1}}, "expected.address.city: Input should be a valid string"),
    ],
)
def test_nested_field_that_is_not_there(pytester: pytest.Pytester, expected: Any, said: str) -> None:
    """Its whole path, and the nearest path that there is."""
    pytester.makepyfile(test_orders=NESTED.replace("EXPECTED", repr(expected)))
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines([f"*cases:1: case 'c0': {said.replace('[', '[[]')}*"])


@pytest.mark.parametrize("form", ["csv", "yaml", "folder"])
def test_suite_in_another_format_replays_the_same_cassettes(recorded: pytest.Pytester, form: str) -> None:
    """The cases are the same cases, so nothing is recorded anew and the gate sees the same answers."""
    rows = [json.loads(line) for line in (recorded.path / "gold.jsonl").read_text().splitlines()]
    if form == "csv":
        cells = [(row["id"], row["input"], row["expected"]["name"], row["expected"]["size"]) for row in rows]
        lines = [",".join("null" if cell is None else str(cell) for cell in line) for line in cells]
        (recorded.path / "gold.csv").write_text("\n".join(["id,input,expected.name,expected.size", *lines]))
    elif form == "yaml":
        (recorded.path / "gold.yaml").write_text("\n".join(f"- {json.dumps(row)}" for row in rows))
    else:
        for row in rows:
            fill(recorded.path / "gold.folder", **{f"{row['id']}_txt": row["input"]})
            fill(recorded.path / "gold.folder", **{f"{row['id']}_json": json.dumps(row["expected"])})
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("gold.jsonl", f"gold.{form}"))
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["documents: 4/4 valid, 3/4 exact"])
