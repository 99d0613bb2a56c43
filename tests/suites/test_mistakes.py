"""Bad input gets one clear line that says where, what, and what to do next."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pydantic.root_model  # noqa: F401  (pytester forgets what a run in this process imported; this loads only once)
import pytest
from refused import refused

from pytest_llm_extract.cassette.file.fingerprint import fingerprint
from pytest_llm_extract.config import suite_folders
from pytest_llm_extract.dataset import load_cases
from pytest_llm_extract.errors import DatasetError

SUITE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Floor, Gate, Waiver

class Item(BaseModel):
    name: str
    size: int | None = None

class Later(BaseModel):
    total: "Decimal"

def read(text) -> Item: ...
def untyped(text): ...
def two(text, client, retries=3) -> Item: ...
def none() -> Item: ...
CASES = [{{"id": "c0", "input": "x", "expected": {{"name": "x"}}}}]

@pytest.mark.llm_extract({extract})
@pytest.mark.llm_accuracy({accuracy})
def test_items(extraction):
    pass
"""


AT_COLLECTION = [
    ("extractor=read, case=CASES", "", "*llm_extract: no argument 'case'. Did you mean 'cases'?*"),
    ("extractor=read", "", "*cases= is missing*"),
    ("cases=CASES", "", "*schema= is missing*"),
    ("extractor=untyped, cases=CASES", "", "*untyped has no return annotation*"),
    ("extractor=read, prompt='p.md', cases=CASES", "", "*exclude each other*"),
    (
        "extractor=two, cases=CASES",
        "",
        "*two(text, client, retries) is called with the document alone: missing a required argument: 'client'; *",
    ),
    (
        "extractor=none, cases=CASES",
        "",
        "*none() is called with the document alone: too many positional*",
    ),
    ("extractor='read', cases=CASES", "", "*extractor= must be a function, got 'read'*"),
    ("extractor=Item, cases=CASES", "", "*Item(name, size) is called with the document alone: *; give a function*"),
    ("extractor=read, cases=''", "", "*llm_extract: must name a file, got ''*"),
    ("extractor=read, cases=CASES, samples='3'", "", "*samples= must be a whole number of at least 1, got '3'*"),
    ("schema=Item, prompt='p.md', models=['m', 'm'], cases=CASES", "", "*models= names 'm' twice*"),
    ("schema=Item, prompt='empty.md', model='m', cases=CASES", "", "*empty.md: is empty*"),
    ("extractor=read, cases=CASES", "1.5", "*a floor must be a number from 0 to 1, got 1.5"),
    ("extractor=read, cases='gold.jsnl'", "", "*no file 'gold.jsnl'*Did you mean 'gold.jsonl'?*"),
    ("schema=Item, prompt='p.mdd', cases=CASES", "", "*no file 'p.mdd'*Did you mean 'p.md'?*"),
    ("schema=Item, prompt='p.md', cases=CASES", "", "*no model: name one*"),
    ("schema=Item, prompt='p.md', model='m', response_format='json', cases=CASES", "", "*no response_format*"),
    (
        "extractor=read, cases=CASES, ignore='metadata.id'",
        "",
        "*ignore= must be a list of body paths*, got 'metadata.id'*",
    ),
    ("schema=dict, cases=CASES", "", "*the schema must be a pydantic model*"),
    ("schema={'type': 'objekt'}, cases=CASES", "", "*schema: type: no type 'objekt'. Did you mean 'object'?*"),
    ("schema={'type': 'object'}, cases=CASES", "", "*top level must be an object with `properties`*"),
    ("schema=Later, cases=CASES", "", "*llm_extract: the schema cannot be read: name 'Decimal' is not defined*"),
    ("schema=Item, prompt='p.md', model=3, cases=CASES", "", "*model= must be the name of a model, got 3*"),
    ("schema=Item, prompt='p.md', model='m', api='x', cases=CASES", "", "*no api 'x'. There are chat, responses.*"),
    ("schema=Item, prompt='.', model='m', cases=CASES", "", "*: cannot be read: Is a directory*"),
    ("extractor=read, cases=3", "", "*cases: must be a file, a folder, a list or a callable, got 3*"),
    ("extractor=read, cases=lambda: None", "", "*cases: the callable must return a list of cases, got None*"),
    ("extractor=read, cases=CASES", "90", "*a floor must be a number from 0 to 1, got 90; did you mean 0.9?*"),
    ("extractor=read, cases=CASES", "nme=1.0", "*no field 'nme'. Did you mean 'name'?*"),
    ("extractor=read, cases=CASES", "size=1.0", "*size: no case labels this field*"),
    ("extractor=read, cases=CASES", "name=Floor()", "*name: Floor() names no rate*"),
    ("extractor=read, cases=CASES", "", "*llm_accuracy: names no limit: give a floor for all fields, or for some*"),
    ("extractor=read, cases=CASES", "None", "*llm_accuracy: names no limit*"),
    (
        "extractor=read, cases=CASES",
        "name=Floor(recall=80)",
        "*name: recall: a floor must be *got 80; did you mean 0.8?*",
    ),
    ("extractor=read, cases='bad.jsonl'", "", "*bad.jsonl:2: is not JSON*"),
    ("extractor=read, cases='unfit.jsonl'", "", "*unfit.jsonl:1: case 'c0': expected.nam*no field 'nam'*'name'?*"),
]


def test_one_line_at_collection(pytester: pytest.Pytester) -> None:
    """Each module is a collection error without a traceback."""
    pytester.makefile(".jsonl", gold="", bad='{"id": 1, "input": "", "expected": {}}\n{', unfit="")
    pytester.path.joinpath("unfit.jsonl").write_text('{"id": "c0", "input": "", "expected": {"nam": "x"}}')
    pytester.makefile(".md", p="Read.", empty="\n")
    modules = [SUITE.format(extract=extract, accuracy=accuracy) for extract, accuracy, _ in AT_COLLECTION]
    for lines, (_, _, message) in zip(refused(pytester, modules), AT_COLLECTION, strict=True):
        pytest.LineMatcher(lines).fnmatch_lines([message])


LIMITS = [
    ("llm_documents(0.9)", "*llm_documents: takes exact= and valid= only*"),
    ("llm_documents()", "*llm_documents: names no limit: exact=, valid=*"),
    ("llm_gate()", "*llm_gate: names no limit: a Gate(max_lost=*), or waive=*"),
    ("llm_gate(None)", "*llm_gate: names no limit*"),
    ("llm_gate(Gate())", "*llm_gate: names no limit*"),
    ("llm_documents(exct=0.9)", "*llm_documents: no argument 'exct'. Did you mean 'exact'?*"),
    ("llm_documents(exact=90)", "*exact: a floor must be a number from 0 to 1, got 90; did you mean 0.9?*"),
    ("llm_gate(5)", "*a budget must be a Gate(*), got 5*"),
    ("llm_gate(nme=Gate())", "*llm_gate: no field 'nme'. Did you mean 'name'?*"),
    ("llm_gate(Gate(max_lost=0.5))", "*max_lost must be a number of cases, got 0.5*"),
    ("llm_gate(Gate(max_drop=5))", "*max_drop must be a number from 0 to 1, got 5*"),
    ("llm_gate(waive='name')", "*takes Waiver(*), got 'name'*"),
    ("llm_gate(waive=3)", "*takes Waiver(*), got 3*"),
    ("llm_gate(Gate(critical=3))", "*llm_gate: the default: critical must be True or False, got 3*"),
    ("llm_gate({'name': Gate()}, name=Gate())", "*llm_gate: name is named twice*"),
    ("llm_gate(waive=Waiver('', '2027-01-01', field='name'))", "*a waiver must have a reason*"),
    (
        "llm_gate(waive=Waiver('x', 'soon', field='name'))",
        "*expires must be a date such as '2027-01-31', got 'soon'*",
    ),
    ("llm_gate(waive=Waiver('x', '2027-01-01'))", "*a waiver must name a field or a case*"),
    ("llm_gate(waive=Waiver('x', '2027-01-01', field='nme'))", "*no field 'nme'. Did you mean 'name'?*"),
    (
        "llm_gate(waive=Waiver('x', '2027-01-01', case='c00'))",
        "*no case 'c00' in the golden data. Did you mean 'c0'?*",
    ),
    ("llm_accuracy(name=0.9)\n@pytest.mark.llm_accuracy(0.5)", "*llm_accuracy is given twice at one test*"),
    ("llm_accuracy({1: 0.5})", "*a field must be named by its path, got 1*"),
    (
        "llm_accuracy(__import__('decimal').Decimal('nan'))",
        "*a floor must be a number from 0 to 1, got Decimal('NaN')*",
    ),
    (
        "llm_gate(waive=Waiver(reason=None, expires='2999-01-01', field='name'))",
        "*reason of a waiver must be a string*",
    ),
    (
        "llm_gate(waive=Waiver(reason='x', expires='2999-01-01', field=3))",
        "*field of a waiver must be a string, got 3*",
    ),
]


def test_mistake_in_a_limit(pytester: pytest.Pytester) -> None:
    """One line with the nearest right name, also for the markers beside llm_extract."""
    suite = SUITE.format(extract="extractor=read, cases=CASES", accuracy="0").replace(
        "@pytest.mark.llm_accuracy(0)\n", ""
    )
    modules = [suite.replace("def test_items", f"@pytest.mark.{marker}\ndef test_items") for marker, _ in LIMITS]
    for lines, (_, message) in zip(refused(pytester, modules), LIMITS, strict=True):
        pytest.LineMatcher(lines).fnmatch_lines([message])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"id": "a", "input": "", "expected": {}}\n{"id": "a", "input": "", "expected": {}}',
            ":2: id 'a' is used twice",
        ),
        ('{"id": "a", "inptu": ""}', ":1: lacks 'expected'. It lacks 'input' (or 'input_file'). Did you mean 'inptu'?"),
        ('{"id": "a", "input": "", "expectd": {}}', ":1: lacks 'expected'. Did you mean 'expectd'?"),
        ("[1]", ":1: a case must be an object, got list"),
        ("\n\n", "holds no cases"),
        ("<<<<<<< HEAD", ":1: merge conflict marker"),
        ('{"id": true, "input": "", "expected": {}}', ":1: id must be a string or a number"),
    ],
)
def test_golden_data_names_its_lines(pytester: pytest.Pytester, text: str, problem: str) -> None:
    """Every problem with its file and line."""
    path = pytester.path / "gold.jsonl"
    path.write_text(text)
    with pytest.raises(DatasetError) as error:
        load_cases(path, "gold.jsonl")
    assert problem in str(error.value)


def test_json_dataset_with_a_byte_order_mark(pytester: pytest.Pytester) -> None:
    """A list of cases; each knows its line."""
    path = pytester.path / "gold.json"
    path.write_text('\ufeff[\n {"id": 1, "input": "", "expected": {}},\r\n {"id": 2, "input": "", "expected": {}}\n]')
    assert [(case.id, case.place) for case in load_cases(path, "gold.json")] == [("1", 2), ("2", 3)]


def test_cassette_edited_by_hand_is_found_out(recorded: pytest.Pytester) -> None:
    """A request that was changed in the file no longer has its fingerprint."""
    path = next((recorded.path / "cassettes").rglob("c0*.yaml"))
    path.write_text(path.read_text().replace('"Read."', '"Reed."'))
    run = recorded.runpytest_subprocess()
    run.stdout.fnmatch_lines(["*edited by hand*"])
    run.assert_outcomes(failed=2, passed=3)


def test_file_names_differ_for_every_id() -> None:
    """Whatever the characters, also on file systems without case."""
    ids = ["a/b", "a-b", "a:b", "A-B", "../../x", "CON", "con", "é", "e\u0301", "x" * 300, "x" * 301, "🙂", ""]
    found = [suite_folders.file_name(case) for case in ids]
    assert len({name.lower() for name in found}) == len(ids)
    assert all(len(name) < 100 and "/" not in name and name.isascii() for name in found)


def test_fingerprint_ignores_host_and_key_order_only() -> None:
    """Method, path and every value of the body count."""
    one = fingerprint("POST", "http://a/v1/x", b'{"a": 1, "b": [1, 2]}')
    assert one == fingerprint("post", "https://b:8/v1/x", b'{"b":[1,2],"a":1}')
    assert one != fingerprint("POST", "http://a/v1/x", b'{"a": 1, "b": [2, 1]}')
    assert one != fingerprint("POST", "http://a/v1/y", b'{"a": 1, "b": [1, 2]}')


def test_unwritable_results_are_said(recorded: pytest.Pytester) -> None:
    """A folder in the place of results.json is one line, not a traceback."""
    (recorded.path / "out").mkdir()
    run = recorded.runpytest_subprocess("--llm-extract-json=out")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stdout.fnmatch_lines(["*out: results not written: Is a directory*"])


def test_case_is_found_by_its_own_id(pytester: pytest.Pytester) -> None:
    """-k takes an id whose node id is escaped."""
    cases = 'extractor=read, cases=[{"id": "Zürich", "input": "", "expected": {"name": "x"}}]'
    pytester.makepyfile(test_items=SUITE.format(extract=cases, accuracy="0"))
    pytester.runpytest_inprocess("-k", "Zürich", "--collect-only").stdout.fnmatch_lines(["*1 test collected*"])


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_no_case_of_that_id(recorded: pytest.Pytester, workers: str) -> None:
    """It is said, and no case of another id runs."""
    run = recorded.runpytest_subprocess("--llm-extract-case=zz", "--llm-extract-variant=few", f"-n{workers}")
    assert run.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    run.stdout.fnmatch_lines(
        ["no case has an id like --llm-extract-case=zz", "no variant has a name like --llm-extract-variant=few"]
    )
    found = recorded.runpytest_subprocess("--llm-extract-case=c1", f"-n{workers}")
    found.stdout.no_fnmatch_line("no case has*")


def test_parametrized_suite_is_refused(pytester: pytest.Pytester) -> None:
    """By mark or by fixture."""
    text = SUITE.format(extract="extractor=read, cases=CASES", accuracy="0")
    by_mark = text.replace(
        "def test_items(extraction)", "@pytest.mark.parametrize('x', [1])\ndef test_items(extraction, x)"
    )
    fixture = "@pytest.fixture(params=[1, 2])\ndef x(request): ...\n"
    by_fixture = fixture + text.replace("def test_items(extraction)", "def test_items(extraction, x)")
    for number, module in enumerate((by_mark, "import pytest\n" + by_fixture)):
        pytester.makepyfile(**{f"test_{number}": module})
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=2)
    run.stdout.fnmatch_lines(["*parametrize*", "*cannot be parametrized (by 'x')*"])


def test_ten_thousand_cases_load_at_once(pytester: pytest.Pytester) -> None:
    """Golden data is read whole, and stays in order."""
    path = pytester.path / "gold.jsonl"
    rows = ({"id": f"c{i}", "input": "x" * 500, "expected": {"name": "x"}} for i in range(10_000))
    path.write_text("\n".join(map(json.dumps, rows)))
    start = time.perf_counter()
    cases = load_cases(path, "gold.jsonl")
    assert [cases[0].id, cases[-1].id, len(cases)] == ["c0", "c9999", 10_000]
    assert time.perf_counter() - start < 30  # a guard against quadratic reading, not a measurement


def test_a_floor_over_nothing(pytester: pytest.Pytester) -> None:
    """It would always be met."""
    text = SUITE.format(extract="extractor=read, cases=CASES", accuracy="0.9").replace('{"name": "x"}', "{}")
    pytester.makepyfile(test_items=text)
    run = pytester.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*no case labels any field, so the floor means nothing*"])


def test_results_go_where_a_link_leads(pytester: pytest.Pytester) -> None:
    """A link stays a link; a pipe stays a pipe."""
    pytester.makepyfile(test_items=SUITE.format(extract="extractor=read, cases=CASES", accuracy="0"))
    target, link = pytester.path / "target.json", pytester.path / "link.json"
    link.symlink_to(target)
    pytester.runpytest_subprocess(f"--llm-extract-json={link}")
    assert link.is_symlink()
    assert json.loads(target.read_text())["suites"]
    pytester.runpytest_subprocess("--llm-extract-json=/dev/null")
    assert not Path("/dev/null").is_file()


INIS = {
    "cassettes": ('["c"]', "a folder below the rootdir, such as cassettes"),
    "alpha": ("[1]", "a number between 0 and 1, such as 0.05"),
    "concurrency": ("2.5", "a whole number from 1 to 1000"),
    "inconclusive": ('["fail"]', "warn or fail"),
    "baseline": ('["results.json"]', "a file, or git:REV"),
    "budget": ("[3]", "US dollars, such as 0.50"),
    "secrets": ("[3]", "a list of strings"),
    "model": ('["m"]', "the name of a model"),
    "placeholder_key": ("[true]", "true or false"),
    "require_complete": ('"maybe"', "true or false"),
}
TABLES = ["tool.pytest.ini_options"] + ["tool.pytest"] * (pytest.version_tuple >= (9,))


@pytest.mark.filterwarnings("ignore:Passing a value that is not a string")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", INIS)
def test_ini_of_another_type(pytester: pytest.Pytester, table: str, name: str) -> None:
    """One line that says what it is, whichever table of pyproject.toml it stands in; also without a suite."""
    value, what = INIS[name]
    pytester.makepyprojecttoml(f"[{table}]\nllm_extract_{name} = {value}\n")
    run = pytester.runpytest_inprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"ERROR: ini llm_extract_{name}: must be {what}[, ]*"])
    run.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("table", TABLES)
def test_inis_of_their_own_types(recorded: pytest.Pytester, table: str) -> None:
    """Booleans and numbers need no quotes."""
    recorded.makepyprojecttoml(
        f"[{table}]\nllm_extract_require_complete = true\nllm_extract_alpha = 0.01\nllm_extract_budget = 1\n"
        "llm_extract_concurrency = 2\n"
    )
    recorded.runpytest_inprocess().assert_outcomes(passed=5)
    recorded.runpytest_inprocess("-k", "c1").assert_outcomes(passed=1, failed=1, deselected=3)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("@pytest.mark.llm_acuracy(0.9)\n@pytest.mark.{suite}\ndef test_items(extraction): ...", "accuracy"),
        ("@pytest.mark.llm_extrct(cases='gold.jsonl')\ndef test_items(): ...", "extract"),
        ("@pytest.mark.llm_documnts(valid=1)\nclass TestItems:\n    def test_items(self): ...", "documents"),
        ("pytestmark = pytest.mark.llm_gates()\ndef test_items(): ...", "gate"),
    ],
)
def test_misspelt_marker_is_an_error(pytester: pytest.Pytester, test: str, message: str) -> None:
    """It would leave a suite without its limits, or a test without its answers; where it stands does not matter."""
    suite = "llm_extract(extractor=str, schema=dict, cases=[])"
    pytester.makepyfile(test_items=f"import pytest\n\n{test.replace('{suite}', suite)}\n")
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines([f"*test_items: no marker 'llm_*'. Did you mean 'llm_{message}'?"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_mistake_is_shown_without_tracebacks_too(pytester: pytest.Pytester, workers: str) -> None:
    """`--tb=no` leaves out pytest's section of errors; the short summary has the first line alone, cut."""
    rows = [{"id": f"c{n}", "input": "x", "expected": {"nmae": n}} for n in range(2)]
    suite = SUITE.format(extract=f"extractor=read, cases={rows}", accuracy="")
    pytester.makepyfile(test_items=suite)
    run = pytester.runpytest_subprocess("--tb=no", f"-n{workers}")
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(
        [
            "*= llm-extract: not collected =*",
            "*case 'c0': expected.nmae: the schema has no field 'nmae'. Did you mean 'name'?",
            "*case 'c1': expected.nmae: *",
            "ERROR test_items.py - test_items.py::test_items: llm_extract: *",
        ]
    )


def test_marker_of_another_plugin_is_let_be(pytester: pytest.Pytester) -> None:
    """A marker that somebody registered may begin with llm_ as well."""
    pytester.makeini("[pytest]\nmarkers = llm_slow(seconds): asks a large model")
    pytester.makepyfile("import pytest\n\n@pytest.mark.llm_slow(3)\ndef test_items(): ...")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
