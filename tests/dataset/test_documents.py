"""Documents of cases: folders, files, PDFs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden_files import NESTED, fill, load, problem
from recorded import record
from standin import StandIn

from pytest_llm_extract.dataset import load_cases
from pytest_llm_extract.errors import DatasetError

PDF = b"%PDF-1.7\nonly ascii, as small PDFs are\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


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
        ({"a_txt": "", "a_json": '{"expected": {}, "id": 1}'}, "golden/a.json: 'id' is given beside 'expected'"),
        ({}, "golden: holds no cases"),
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
    assert inputs == ["Grüße\n", "ü", tmp_path / "docs/c.pdf", tmp_path / "docs/d.png", ""]
    assert [cases[2].shown_input, cases[0].shown_input] == ["docs/c.pdf", "Grüße\n"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ('"a.tx"', ":1: case 'c0': input_file: no file 'a.tx'. Did you mean 'a.txt'?"),
        ('"doc/a.txt"', "no file 'doc/a.txt'. There is no folder 'doc' there."),
        ('"."', "input_file '.': cannot be read: Is a directory"),
        ('"loop"', "input_file 'loop': cannot be read: Too many levels of symbolic links"),
        ('"a\\u0000b"', "cannot be read: embedded null byte"),
        ('"latin.txt"', "input_file 'latin.txt', line 2: is not UTF-8: byte 0xe4; save it as UTF-8"),
        ("3", "input_file must be the name of a file, got 3"),
    ],
)
def test_input_file_that_cannot_be_read(tmp_path: Path, name: str, said: str) -> None:
    """The line of the dataset, the case, the field and the file are named."""
    fill(tmp_path, a_txt="", latin_txt="Zeile\nä".encode("latin-1"))
    (tmp_path / "loop").symlink_to("loop")
    text = f'{{"id": "c0", "input_file": {name}, "expected": {{}}}}'
    assert said in problem(tmp_path, "gold.jsonl", text)


def test_file_of_a_case_from_python_lies_beside_the_module(pytester: pytest.Pytester) -> None:
    """Wherever pytest is started."""
    case = "{'id': 'c0', 'input_file': 'a.txt', 'expected': {'name': 'x'}}"
    module = NESTED.replace('{"id": "c0", "input": "x", "expected": EXPECTED}', case)
    folder = fill(pytester.mkdir("sub"), **{"test_orders.py": module})
    run = pytester.runpytest_inprocess("--collect-only")
    run.stdout.fnmatch_lines(["*llm_extract: cases:1: case 'c0': input_file: no file 'a.txt'.*"])
    fill(folder, a_txt="document")
    pytester.runpytest_inprocess("--collect-only").stdout.fnmatch_lines(["*1 test collected*"])


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
    record(project, provider).assert_outcomes(passed=2)
    project.runpytest_subprocess().assert_outcomes(passed=2)
    assert json.loads((project.path / "out.json").read_text())["suites"][0]["cases"][0]["input"] == "a.pdf"
