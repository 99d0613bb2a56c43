"""Golden data of every format: loaded, or one clear error that names file, line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import StandIn

from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.dataset.json_rows import json_rows
from pytest_llm_extract.errors import DatasetError, Problems

PDF = b"%PDF-1.7\nonly ascii, as small PDFs are\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


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
        ("id,input,id,expected.a\n", ":1: column 'id' is there twice"),
        ("id,input,,expected.a\n", ":1: column 3 has no name"),
        ("id,input,expected.rows[].a\n", "a list goes into one cell as JSON, in a column 'expected.rows'"),
        ('id,input,expected.a\n1,"x\ny",z\n2,x,y,z', ":4: has 4 cells, but the header has 3"),
        ('id,input,expected.a\n1,x,y\n2,"x,y\n', ":3: is not CSV: unexpected end of data"),
        ("id,input,expected.a\n<<<<<<< HEAD\n1,x,y\n", ":2: merge conflict marker"),
        ("<<<<<<< HEAD\nid,input,expected.a\n", ":1: merge conflict marker"),
        ("id,input,expected.a\n1,x,y\n1,x,y", ":3: id '1' is used twice, first in line 2"),
        ("id,input,expected.a\n,x,y", ":2: id is a text or a number, not ''"),
        ("id,input,expected.a\n", "gold.csv: holds no case"),
        ("", "gold.csv: holds no case"),
    ],
)
def test_csv_mistake(tmp_path: Path, text: str, said: str) -> None:
    """One line, with the line of the file where the record starts."""
    assert said in problem(tmp_path, "gold.csv", text)


YAML = """\
# Dates, `no` and 007 are the text that they look like.
- &base
  id: 007
  input: |
    two
    lines
  expected: {issued: 2024-01-31, country: no, total: 12.50, paid: true, vat: null, time: 1:30}
  context: [a, "1"]

- <<: *base
  id: c1
  1: one
"""


@pytest.mark.parametrize("name", ["gold.yaml", "gold.yml"])
def test_yaml_is_read_as_json_would_be(tmp_path: Path, name: str) -> None:
    """No value turns into a date, a boolean or a number that JSON would not have; anchors and merges work."""
    first, second = load(tmp_path, name, YAML)
    assert (first.id, first.input, first.place, first.context) == ("007", "two\nlines\n", 2, ["a", "1"])
    assert first.expected == {
        "issued": "2024-01-31",
        "country": "no",
        "total": 12.5,
        "paid": True,
        "vat": None,
        "time": "1:30",
    }
    assert (second.id, second.expected, second.place) == ("c1", first.expected, 10)
    assert second.columns["1"] == "one"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- id: 1\n  input: x\n  expectd: {}", ":1: lacks 'expected'. Did you mean 'expectd'?"),
        (
            "- {id: 1, input: x, expected: {}}\n- [1",
            "did not find expected ',' or ']' while parsing a flow sequence from line 2",
        ),
        ("- id: 1\n\tinput: x", ":2: is not YAML: found a tab character that violates indentation"),
        ("- {id: 1, input: x, expected: {a: 1,\n  a: 2}}", ":2: key 'a' is written twice"),
        ("- {id: 1, input: x, expected: !!python/object/apply:os.system [ls]}", ":1: the tag '!!python/object/app"),
        ("- {id: 1, input: x, !!python/name:os.system expected: 1}", ":1: the tag '!!python/name:os.system' is not"),
        ("- {id: 1, input: x, expected: *gone}", ":1: is not YAML: no anchor 'gone' before its use"),
        ("- &a [*a]", ":1: is not YAML: no anchor 'a' before its use"),
        ("- {id: 1, input: x, expected: {}}\n<<<<<<< HEAD\n- 2\n", ":2: merge conflict marker"),
        ("id: 1\ninput: x", ":1: holds no list of cases"),
        ("- {id: 1, input: x, expected: {}}\n---\n- 2", ":2: holds more than one document"),
        ("- x\n- \x00", ":2: is not YAML: the character U+0000 is not allowed"),
        ("- " + "[" * 100_000, ":1: is nested more than 100 levels deep"),
        ("# nothing", "gold.yaml: holds no case"),
        ("", "gold.yaml: holds no case"),
    ],
)
def test_yaml_mistake(tmp_path: Path, text: str, said: str) -> None:
    """One line, with the line of the mistake; no tag makes an object."""
    assert said in problem(tmp_path, "gold.yaml", text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"id": 1,\n "input": "x" "expected": {}}]', ":2: is not JSON: Expecting ',' delimiter at column 15"),
        ('[\n {"id": 1, "input": "", "expected": {"a": 1, "a": 2}}]', ":2: is not JSON: key 'a' is written twice"),
        ("[1] 2", ":1: is not JSON: Extra data at column 5"),
        ("[1,]", ":1: is not JSON: Expecting value at column 4"),
        ("[1\n", ": is not JSON: Expecting ',' delimiter"),
        ("[" * 200_000, ":1: is not JSON"),
        ('[\n<<<<<<< HEAD\n{"id": 1}\n=======', ":2: merge conflict marker"),
        ('{"cases": []}', ":1: holds no list of cases"),
        ("[]", "gold.json: holds no case"),
        ("", "gold.json: holds no case"),
    ],
)
def test_json_mistake(tmp_path: Path, text: str, said: str) -> None:
    """One line, with the line of the mistake."""
    assert said in problem(tmp_path, "gold.json", text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(JSON), st.sampled_from([None, 0, 2]))
def test_json_list_is_read_as_the_standard_library_does(rows: list[Any], indent: int | None) -> None:
    """Item by item, whatever the items and the white space between them."""
    problems: Problems = []
    text = json.dumps(rows, indent=indent, ensure_ascii=False)
    assert [row for _, row in json_rows(text, problems)] == rows
    assert problems == []


def test_folder_of_documents_and_gold(tmp_path: Path) -> None:
    """The id is the name; the `.json` is the gold, or a whole case where it has the key `expected`."""
    golden = fill(
        tmp_path / "golden",
        b_txt="Dokument ü",
        b_json='{"name": "bolt"}',
        a_pdf=PDF,
        a_json='{"expected": {"name": "nut"}, "metadata": {"kind": "scan"}, "group": 7, "lang": "de"}',
        README_md="How these were labelled.",
    )
    (golden / ".DS_Store").write_bytes(b"\0")
    first, second = load_cases(golden, "golden")
    assert (first.id, first.input, first.expected) == ("a", golden / "a.pdf", {"name": "nut"})
    assert (first.metadata, first.group, first.columns["lang"]) == ({"kind": "scan"}, "7", "de")
    assert (second.id, second.input, second.expected, second.place) == ("b", "Dokument ü", {"name": "bolt"}, "b.json")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a_txt": "", "a_json": "{}", "b_txt": ""}, "golden/b.txt: has no b.json beside it"),
        ({"a_json": "{}"}, "golden/a.json: has no document beside it, such as a.txt"),
        ({"a_json": "{}", "a_txt": "", "a_pdf": PDF}, "golden/a.json: has a.pdf and a.txt beside it"),
        ({"a_txt": "", "a_json": '{\n"name": }'}, "golden/a.json: is not JSON: Expecting value: line 2"),
        ({"a_txt": "", "a_json": b'{\n"name": "\xfc"}'}, "golden/a.json:2: is not UTF-8: byte 0xfc"),
        ({"a_txt": b"x\n\xfc", "a_json": "{}"}, "golden/a.json: case 'a': input_file 'a.txt', line 2: is not UTF-8"),
        ({"a_txt": "", "a_json": '{"expectd": {}}'}, "golden/a.json: lacks 'expected'. Did you mean 'expectd'?"),
        ({"a_txt": "", "a_json": '{"expected": {}, "id": 1}'}, "golden/a.json: 'id' stands beside 'expected'"),
        ({}, "golden: holds no case"),
    ],
)
def test_folder_mistake(tmp_path: Path, files: dict[str, str | bytes], said: str) -> None:
    """The file of the folder is named."""
    with pytest.raises(DatasetError) as error:
        load_cases(fill(tmp_path / "golden", **files), "golden")
    assert said in str(error.value)


def test_folder_in_a_folder_is_no_silent_loss(tmp_path: Path) -> None:
    """Cases in a subfolder are not overlooked."""
    golden = fill(tmp_path / "golden", a_txt="", a_json="{}")
    fill(golden / "more", b_txt="", b_json="{}")
    with pytest.raises(DatasetError, match="golden/more: is a folder"):
        load_cases(golden, "golden")


def test_input_file_is_text_or_a_path(tmp_path: Path) -> None:
    """What is text by its content is read; a PDF or an image stays a path, shown by the name that its row gives."""
    fill(tmp_path / "docs", a_txt="\ufeffGrüße\r\n", b_txt="ü".encode("utf-16"), c_pdf=PDF, d_png=PNG, e_txt="")
    names = ["docs/a.txt", "docs/b.txt", "docs/c.pdf", "docs/d.png", "docs/e.txt"]
    rows = [{"id": name, "input_file": name, "expected": {}} for name in names]
    cases = load(tmp_path, "gold.jsonl", "\n".join(map(json.dumps, rows)))
    inputs = [case.input for case in cases]
    assert inputs == ["Grüße\r\n", "ü", tmp_path / "docs/c.pdf", tmp_path / "docs/d.png", ""]
    assert [cases[2].shown_input, cases[0].shown_input] == ["docs/c.pdf", "Grüße\r\n"]


def test_csv_may_mix_input_and_input_file(tmp_path: Path) -> None:
    """Each row fills one of the two."""
    fill(tmp_path, a_txt="from a file")
    text = "id,input,input_file,expected.a\nc0,from a cell,,x\nc1,,a.txt,x\n"
    assert [case.input for case in load(tmp_path, "gold.csv", text)] == ["from a cell", "from a file"]
    assert ":2: has both 'input' and 'input_file'" in problem(tmp_path, "gold.csv", text.replace("cell,,", "cell,b,"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ('"a.tx"', ":1: case 'c0': input_file: no file 'a.tx'. Did you mean 'a.txt'?"),
        ('"doc/a.txt"', "no file 'doc/a.txt'. There is no folder 'doc' there."),
        ('"."', "input_file '.': cannot be read: Is a directory"),
        ('"loop"', "input_file 'loop': cannot be read: Too many levels of symbolic links"),
        ('"a\\u0000b"', "cannot be read: embedded null byte"),
        ('"latin.txt"', "input_file 'latin.txt', line 2: is not UTF-8: byte 0xe4; save it as UTF-8"),
        ("3", "input_file is the name of a file, not 3"),
    ],
)
def test_input_file_that_cannot_be_read(tmp_path: Path, name: str, said: str) -> None:
    """The line of the dataset, the case, the field and the file are named."""
    fill(tmp_path, a_txt="", latin_txt="Zeile\nä".encode("latin-1"))
    (tmp_path / "loop").symlink_to("loop")
    text = f'{{"id": "c0", "input_file": {name}, "expected": {{}}}}'
    assert said in problem(tmp_path, "gold.jsonl", text)


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


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"goup": 1}, "no column 'goup' in golden data. Did you mean 'group'?"),
        ({"metdata": {}}, "no column 'metdata' in golden data. Did you mean 'metadata'?"),
        ({"input_file": "x"}, "has both 'input' and 'input_file'"),
        ({"metadata": []}, "metadata is an object, not []"),
        ({"group": 1.5}, "group is a text or a number, not 1.5"),
        ({"input": "\ud83d"}, "case 'c0': input holds half a character ('\\ud83d'), which no request can carry"),
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


def test_unknown_format_and_missing_file(tmp_path: Path) -> None:
    """The formats that there are, in one line."""
    assert problem(tmp_path, "gold.xlsx", "") == (
        "gold.xlsx: golden data is .jsonl, .json, .csv, .yaml, .yml or a folder, not .xlsx"
    )
    with pytest.raises(DatasetError, match=r"gold.csv: cannot be read: no such file"):
        load_cases(tmp_path / "gold.csv", "gold.csv")


def test_same_mistake_in_every_case_is_said_ten_times(tmp_path: Path) -> None:
    """Ten lines and a count, in the order of the file."""
    lines = [json.dumps({"id": i, "input_file": f"{i}.txt", "expected": {}}) for i in range(5_000)]
    said = problem(tmp_path, "gold.jsonl", "\n".join(lines)).splitlines()
    assert (said[0], len(said)) == ("gold.jsonl:1: case '0': input_file: no file '0.txt'.", 11)
    assert said[-1] == "gold.jsonl: … and 4990 more problems"


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
            "expected.vat: the field 'vat' is given twice, by its name and by its alias; take one",
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
    hint = "; a cell of .csv is text, so such a value goes into .jsonl or .yaml"
    lines = run.stdout.str().splitlines()
    assert f"gold.csv:3: case 'c1': expected.kind: {wanted}" in lines
    assert any(line.endswith(f"gold.csv:2: case 'c0': expected.kind: {wanted}{hint}") for line in lines)


def test_file_of_a_case_from_python_lies_beside_the_module(pytester: pytest.Pytester) -> None:
    """Wherever pytest is started."""
    case = "{'id': 'c0', 'input_file': 'a.txt', 'expected': {'name': 'x'}}"
    module = NESTED.replace('{"id": "c0", "input": "x", "expected": EXPECTED}', case)
    folder = fill(pytester.mkdir("sub"), **{"test_orders.py": module})
    run = pytester.runpytest_inprocess("--collect-only")
    run.stdout.fnmatch_lines(["*llm_extract: cases:1: case 'c0': input_file: no file 'a.txt'.*"])
    fill(folder, a_txt="document")
    pytester.runpytest_inprocess("--collect-only").stdout.fnmatch_lines(["*1 test collected*"])


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


def test_extractor_gets_a_pdf_as_a_path(project: pytest.Pytester, provider: StandIn) -> None:
    """Beside the dataset, wherever that is; results.json names the file as the row does."""
    fill(project.path / "golden", a_pdf=PDF)
    row = {"id": "c0", "input_file": "a.pdf", "expected": {"name": "bolt", "size": 4}}
    (project.path / "golden/gold.jsonl").write_text(json.dumps(row))
    module = project.path / "test_items.py"
    text = module.read_text().replace("gold.jsonl", "golden/gold.jsonl")
    module.write_text(text.replace("(text: str)", "(pdf)").replace('"content": text', '"content": words(pdf)'))
    module.write_text(
        module.read_text() + "\ndef words(pdf):\n    assert pdf.read_bytes().startswith(b'%PDF')\n    return 'bolt 4'\n"
    )
    project.makeini("[pytest]\nllm_extract_json = out.json\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
    project.runpytest_subprocess().assert_outcomes(passed=2)
    assert json.loads((project.path / "out.json").read_text())["suites"][0]["cases"][0]["input"] == "a.pdf"
