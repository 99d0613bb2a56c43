"""Golden data in CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golden_files import fill, load, problem


def test_csv_nests_and_tells_unlabelled_from_null(tmp_path: Path) -> None:
    """An empty cell is left out, `null` is null, JSON lists and objects are read, everything else is text."""
    text = (
        "id,input,expected.name,expected.address.city,expected.tags,metadata.source.page,lang\n"
        'c0,"two\nlines",bolt,null,"[""a"", null]",3,de\n'
        "007,,[draft,Ulm,,,\n"
    )
    first, second = load(tmp_path, "gold.csv", text)
    assert first.expected == {"name": "bolt", "address": {"city": None}, "tags": ["a", None]}
    assert (first.input, first.metadata, first.columns["lang"]) == ("two\nlines", {"source": {"page": "3"}}, "de")
    assert second.expected == {"name": "[draft", "address": {"city": "Ulm"}}
    assert (second.id, second.input, second.metadata, second.place) == ("007", "", {}, 4)


def test_csv_of_a_spreadsheet(tmp_path: Path) -> None:
    """A byte order mark, CRLF, empty rows at the end, an empty group, the whole gold in one cell."""
    text = '\ufeffid,input,group,expected\r\nc0,x,,"{""name"": ""bolt""}"\r\nc1,y,7,{}\r\n,,,\r\n'
    cases = load(tmp_path, "gold.csv", text)
    assert [(case.id, case.group, case.expected) for case in cases] == [("c0", None, {"name": "bolt"}), ("c1", "7", {})]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id;input;expected.name\n1;x;y", ":1: the header is separated by ';'; golden data in CSV has commas"),
        ("id,input,expectd.name\n1,x,y", ":1: no column 'expectd.name'. Did you mean 'expected.name'?"),
        ("id,inputs,expected.name\n1,x,y", ":1: lacks 'input' (or 'input_file'). Did you mean 'inputs'?"),
        ("Id,input,expected.name\n1,x,y", ":1: lacks 'id'. Did you mean 'Id'?"),
        ("id,input\n1,x", ":1: lacks 'expected'."),
        ("id,input,expected.a,expected.a.b\n", ":1: columns 'expected.a' and 'expected.a.b' fill the same field"),
        ("id,input,id,expected.a\n", ":1: column 'id' occurs twice"),
        ("id,input,,expected.a\n", ":1: column 3 has no name"),
        ("id,input,expected.rows[].a\n", "a list goes into one cell as JSON, in a column 'expected.rows'"),
        ('id,input,expected.a\n1,"x\ny",z\n2,x,y,z', ":4: has 4 cells, but the header has 3"),
        ('id,input,expected.a\n1,x,y\n2,"x,y\n', ":3: is not CSV: unexpected end of data"),
        ("id,input,expected.a\n<<<<<<< HEAD\n1,x,y\n", ":2: merge conflict marker"),
        ("<<<<<<< HEAD\nid,input,expected.a\n", ":1: merge conflict marker"),
        ("id,input,expected.a\n1,x,y\n1,x,y", ":3: id '1' is used twice, first in line 2"),
        ("id,input,expected.a\n,x,y", ":2: id must be a string or a number, got ''"),
        ("id,input,expected.a\n", "gold.csv: holds no cases"),
        ("", "gold.csv: holds no cases"),
    ],
)
def test_csv_mistake(tmp_path: Path, text: str, said: str) -> None:
    """One line, with the line of the file where the record starts."""
    assert said in problem(tmp_path, "gold.csv", text)


def test_csv_may_mix_input_and_input_file(tmp_path: Path) -> None:
    """Each row fills one of the two."""
    fill(tmp_path, a_txt="from a file")
    text = "id,input,input_file,expected.a\nc0,from a cell,,x\nc1,,a.txt,x\n"
    assert [case.input for case in load(tmp_path, "gold.csv", text)] == ["from a cell", "from a file"]
    assert ":2: has both 'input' and 'input_file'" in problem(tmp_path, "gold.csv", text.replace("cell,,", "cell,b,"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"goup": 1}, "no column 'goup' in golden data. Did you mean 'group'?"),
        ({"metdata": {}}, "no column 'metdata' in golden data. Did you mean 'metadata'?"),
        ({"input_file": "x"}, "has both 'input' and 'input_file'"),
        ({"metadata": []}, "metadata must be an object, got []"),
        ({"group": 1.5}, "group must be a string or a number, got 1.5"),
        (
            {"input": "\ud83d"},
            "case 'c0': input holds half of a surrogate pair ('\\ud83d'), which no request can carry",
        ),
    ],
)
def test_columns_that_cannot_be_meant(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    """A misspelt optional column would be lost in silence."""
    text = json.dumps({"id": "c0", "input": "", "expected": {}, **row})
    assert f"gold.jsonl:1: {said}" in problem(tmp_path, "gold.jsonl", text)


def test_other_columns_are_for_prompts(tmp_path: Path) -> None:
    """Also such as resemble a known one a little, or one that is there."""
    row = {"id": "c0", "input": "", "expected": {}, "content": 1, "country": 2, "inputs": 3, "group": "g", "groups": 4}
    columns = load(tmp_path, "gold.jsonl", json.dumps(row))[0].prompt_columns
    assert columns.items() >= {"content": 1, "country": 2, "inputs": 3, "groups": 4}.items()


LITERAL = """
import pytest
from typing import Literal
from pydantic import BaseModel

class Item(BaseModel):
    kind: Literal[1, 2, "three"]

@pytest.mark.llm_extract(schema=Item, cases="gold.csv")
def test_items(extraction):
    pass
"""


def test_a_literal_number_in_csv_says_where_it_goes(pytester: pytest.Pytester) -> None:
    """Cells are text; a text that is merely another one gets no such hint."""
    pytester.makepyfile(test_items=LITERAL)
    pytester.path.joinpath("gold.csv").write_text("id,input,expected.kind\nc0,x,1\nc1,x,four\n")
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=1)
    wanted = "Input should be 1, 2 or 'three'"
    hint = "; a cell of .csv is a string; write such a value in .jsonl or .yaml"
    lines = run.stdout.str().splitlines()
    assert f"gold.csv:3: case 'c1': expected.kind: {wanted}" in lines
    assert any(line.endswith(f"gold.csv:2: case 'c0': expected.kind: {wanted}{hint}") for line in lines)
