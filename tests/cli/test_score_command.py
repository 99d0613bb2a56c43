"""`llm-extract score`: the command as it is installed, on files."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import LLM_EXTRACT, llm_extract
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pytest_llm_extract.corpus import score_files as corpus
from pytest_llm_extract.corpus.partition import Part, PartScorer
from pytest_llm_extract.corpus.record_files import read_records
from pytest_llm_extract.corpus.records import Record, cut_value
from pytest_llm_extract.corpus.score_files import Corpus, score_corpus
from pytest_llm_extract.corpus.totals import Scope, Totals
from pytest_llm_extract.errors import DatasetError
from pytest_llm_extract.report.results_json import json_schema
from pytest_llm_extract.results.aggregate import Tally, summarize
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer

MODULE = """
import os
from collections.abc import Iterator
from decimal import Decimal
from pydantic import BaseModel

class Address(BaseModel):
    city: str | None = None

class Invoice(BaseModel):
    vendor: str | None = None
    amount: Decimal | None = None
    tags: list[str] = []
    address: Address | None = None

NUMBER = 1
KEY = os.environ["OPENAI_API_KEY"]  # as a client asks that the module builds
"""
GOLD: list[dict[str, Any]] = [
    {"id": "a", "expected": {"vendor": "ACME", "amount": "1.50", "tags": ["x"], "address": {"city": "Rome"}}},
    {"id": "b", "input": "text", "expected": {"vendor": "Bolt", "amount": None}, "metadata": {"kind": "memo"}},
    {"id": 3, "vendor": "Core", "amount": "7", "input": "text"},
    {"id": "d", "expected": {"vendor": "Dune"}},
]
PREDICTIONS: list[dict[str, Any]] = [
    {"id": 3, "raw": '{"vendor": "Core", "amount": 7.00}'},
    {"id": "a", "output": {"vendor": "Acme", "amount": 1.5, "tags": ["x"], "address": {"city": "Rome"}}},
    {"id": "b", "vendor": "Bolt"},
    {"id": "d", "raw": "no idea"},
]


def write_jsonl(path: Path, rows: list[Any]) -> None:
    """One row a line; a text is written as it is."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a schema, gold and predictions; its module is nobody else's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "invoices", raising=False)
    (tmp_path / "invoices.py").write_text(MODULE)
    write_jsonl(tmp_path / "gold.jsonl", GOLD)
    write_jsonl(tmp_path / "p.jsonl", PREDICTIONS)
    yield tmp_path
    sys.modules.pop("invoices", None)


def run(*arguments: str, gold: str = "gold.jsonl", predictions: str = "p.jsonl") -> subprocess.CompletedProcess[str]:
    """Run the command in the current directory."""
    schema = () if "--schema" in arguments else ("--schema", "invoices:Invoice")
    return llm_extract("score", gold, predictions, *arguments, *schema)


def test_scores_every_form_of_record(folder: Path) -> None:
    """Nested, flat and raw records; table, results.json and exit status are what the plugin's would be."""
    done = run("--json", "r.json")
    assert done.returncode == 0, done.stderr
    for text in (
        "vendor 2/4 50.0%",
        "amount 3/3 100.0%",
        "documents: 3/4 valid, 2/4 exact (1 invalid)",
        "a vendor ACME ≠ Acme",
        "d invalid: the answer is not JSON",
        "hint: vendor: the wrong value matches without case",
        "gate: pass documents: ",
        " a second",
    ):
        assert text in " ".join(done.stdout.split()), text
    written = json.loads((folder / "r.json").read_text())
    jsonschema.validate(written, json_schema())
    suite = written["suites"][0]
    assert suite["dataset_ids"] == ["a", "b", "3", "d"]
    assert [case["status"] for case in suite["cases"]] == ["ok", "ok", "ok", "invalid"]
    assert suite["cases"][1]["metadata"] == {"kind": "memo"}
    assert suite["documents"] == {"valid": 3, "exact": 2}


@pytest.mark.parametrize(
    ("floors", "status", "message"),
    [
        (["0.5"], 0, "gate: pass"),
        (["0.5", "vendor=0.75"], 1, "  vendor: 2/4 = 50% is below 75%"),
        (["vendor=0.5"], 0, "50%  PASS"),
        (["vendr=0.5"], 2, "llm-extract: --floor: no field 'vendr'. Did you mean 'vendor'?"),
        (["vendor=high"], 2, "llm-extract: --floor: must be a share such as 0.9 or vendor=0.95, got 'vendor=high'"),
        (["vendor=nan"], 2, "llm-extract: --floor: must be a share"),
        (["90"], 2, "did you mean 0.9?"),
        (["0.5", "0.6"], 2, "takes one default floor"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_floors(floors: list[str], status: int, message: str) -> None:
    """A missed floor exits 1 and says why; a wrong one exits 2 in one line."""
    done = run(*(part for floor in floors for part in ("--floor", floor)))
    assert done.returncode == status
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("invoices", "--schema: is module:Model, as myapp.invoices:Invoice, or a JSON Schema file, not 'invoices'"),
        ("invoice:Invoice", "--schema: no module 'invoice'. Did you mean 'invoices'?"),
        ("src/invoices.py:Invoice", "--schema: is module:Model, not 'src/invoices.py:Invoice'. Did you mean 'src.inv"),
        ("invoices:Invoce", "--schema: invoices: no attribute 'Invoce'. Did you mean 'Invoice'?"),
        ("invoices:NUMBER", "--schema invoices:NUMBER: is not a pydantic type, got 1"),
        ("json:JSONDecoder", "--schema json:JSONDecoder: the schema cannot be read"),
        ("broken:Model", "--schema: broken cannot be imported: ZeroDivisionError: division by zero"),
        ("needy:Model", "--schema: needy cannot be imported: No module named 'not_there'"),
    ],
)
def test_wrong_schema_is_one_line(folder: Path, schema: str, message: str) -> None:
    """What is wrong with the reference, and the nearest right name."""
    (folder / "broken.py").write_text("1 / 0")
    (folder / "needy.py").write_text("import not_there")
    done = run("--schema", schema)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


BAD = [
    {"id": "a", "output": {"vendor": "ACME"}},
    {"id": "a", "output": {"vendor": "other"}},
    {"id": "x", "output": {"vendor": "ACME"}},
    "{broken",
    {"id": "b", "raw": 5},
    {"vendor": "nobody"},
    ["a"],
    {"id": "d", "raw": "{}", "output": {}},
]
BAD_GOLD = [*GOLD, {"id": "a", "expected": {}}, {"id": "e", "expected": {"vendr": "x"}}, "<<<<<<< ours"]


def test_records_that_do_not_match(folder: Path) -> None:
    """Unknown, missing and repeated ids and broken lines are counted and named with file and line: exit status 3."""
    write_jsonl(folder / "p.jsonl", BAD)
    write_jsonl(folder / "gold.jsonl", BAD_GOLD)
    done = run("--floor", "0.9", "--json", "r.json")
    assert done.returncode == 3, done.stderr
    for text in (
        "2 broken records of gold, not scored: gold.jsonl:6 case 'e': the schema has no field 'vendr'. "
        "Did you mean 'vendor'?; gold.jsonl:7 merge conflict marker",
        "1 repeated id in gold, the first counts: gold.jsonl:5 'a', first in line 1",
        "1 case without prediction, counted as lost: gold.jsonl:3 '3'",
        "1 prediction for no case of gold: p.jsonl:3 'x'",
        "1 repeated prediction, the first counts: p.jsonl:2 'a', first in line 1",
        "5 broken predictions: p.jsonl:4 is not JSON",
        "p.jsonl:6 lacks 'id'",
        "p.jsonl:7 a record must be an object, got list",
        "p.jsonl:8 has both 'output' and 'raw'",
        "vendor: 1/4 = 25% is below 90%",
    ):
        assert text in " ".join(done.stdout.split()), text
    suite = json.loads((folder / "r.json").read_text())["suites"][0]
    assert suite["n_cases"] == 4
    assert suite["fields"]["vendor"]["missing"] == 3
    assert suite["verdict"] == "fail"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", "x", "p.txt: is not a .jsonl, .json, .csv or .parquet file."),
        ("p.json", '{"id": 1}', "p.json:1: must be a list of records"),
        ("p.json", "[{]", "p.json:1: is not JSON"),
        ("p.csv", "id,address,address.city\n", "p.csv:1: columns 'address' and 'address.city' exclude each other"),
        ("p.parquet", "no parquet", "p.parquet: cannot be read"),
    ],
)
def test_unreadable_files(folder: Path, name: str, content: str, message: str) -> None:
    """One line, exit status 2."""
    (folder / name).write_text(content)
    done = run(predictions=name)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_no_gold(folder: Path) -> None:
    """An empty file of gold is no success."""
    (folder / "gold.jsonl").write_text("\n")
    done = run()
    assert done.returncode == 2
    assert "gold.jsonl: holds no cases" in done.stderr


def as_csv(folder: Path, name: str, head: list[str], rows: list[list[str]]) -> None:
    """A csv file."""
    with (folder / name).open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([head, *rows])


def test_csv(folder: Path) -> None:
    """Empty is unlabelled or absent, `null` is null, dots nest, JSON in a cell is read; lines are those of the file."""
    head = ["id", "expected.vendor", "expected.amount", "expected.tags", "expected.address.city"]
    as_csv(
        folder,
        "gold.csv",
        head,
        [["a", "A\nB", "1.5", "[]", "Rome"], ["b", "[x", "", "", "null"], ["c", "", "2", "", ""]],
    )
    head = ["id", "vendor", "amount", "tags", "address.city"]
    rows = [
        ["b", "[x", "9", "", ""],
        ["a", "A\nB", "1.50", "[]", "Oslo"],
        ["c", "", "", "", ""],
        ["z", "", "", "", "", "?"],
    ]
    as_csv(folder, "p.csv", head, rows)
    done = run("--json", "r.json", gold="gold.csv", predictions="p.csv")
    assert done.returncode == 3, done.stderr
    assert "1 broken prediction: p.csv:6 is not JSON" in done.stdout
    assert "more cells than columns" in done.stdout
    fields = json.loads((folder / "r.json").read_text())["suites"][0]["fields"]
    counts = {path: (found["correct"], found["n"]) for path, found in fields.items()}
    assert counts == {"vendor": (2, 2), "amount": (1, 2), "tags[]": (0, 1), "address.city": (0, 2)}
    assert fields["address.city"]["absent_ok"] == 1


def test_a_field_id_of_the_schema_is_not_the_id_of_a_record(folder: Path) -> None:
    """A flat record cannot say both: each is named with what to write, in JSON and in a .csv."""
    (folder / "numbered.py").write_text(
        "from pydantic import BaseModel, Field\n"
        "class Bill(BaseModel):\n    number: str | None = Field(None, alias='id')\n    vendor: str | None = None\n"
    )
    write_jsonl(folder / "gold.jsonl", [{"id": "a", "expected": {"id": "B-1", "vendor": "x"}}])
    write_jsonl(folder / "p.jsonl", [{"id": "a", "vendor": "x"}])
    found = run("--schema", "numbered:Bill")
    assert found.returncode == 3
    said = "'a': the schema has a field 'id' of its own: write the fields in 'output', beside the record's id"
    assert f"p.jsonl:1 {said}" in found.stdout
    as_csv(folder, "gold.csv", ["id", "expected.id", "expected.vendor"], [["a", "B-1", "x"]])
    as_csv(folder, "p.csv", ["id", "output.id", "output.vendor"], [["a", "B-2", "x"]])
    assert "number  " in run("--schema", "numbered:Bill", gold="gold.csv", predictions="p.csv").stdout
    as_csv(folder, "flat.csv", ["id", "vendor"], [["a", "x"]])
    assert "flat.csv:2 'a': the schema has a field 'id'" in run("--schema", "numbered:Bill", gold="flat.csv").stderr


@pytest.mark.parametrize("sign", [";", "\t"])
def test_csv_of_a_spreadsheet(folder: Path, sign: str) -> None:
    """What some countries' spreadsheets write: columns separated by `;`, as a tab separates them elsewhere."""
    rows = ["id,vendor,amount", 'a,"A; B",1.5']
    for name in ("gold.csv", "p.csv"):
        (folder / name).write_text("\n".join(row.replace(",", sign) for row in rows))
    done = run("--floor", "1.0", gold="gold.csv", predictions="p.csv")
    assert (done.returncode, "documents: 1/1 valid, 1/1 exact" in done.stdout) == (0, True), done.stdout + done.stderr


def test_answers_in_a_markdown_fence(folder: Path) -> None:
    """They are no JSON, and the message says how to accept them; accepted, they are counted."""
    (folder / "gold.jsonl").write_text('{"id": "a", "vendor": "A"}\n{"id": "b", "vendor": "B"}\n')
    fenced, plain = '```json\n{"vendor": "A"}\n```\n', '{"vendor": "B"}'
    rows = [{"id": "a", "raw": fenced}, {"id": "b", "raw": plain}]
    (folder / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    refused = run()
    assert 'a Markdown fence, not JSON: strip="fence" reads it' in refused.stdout
    assert "documents: 1/2 valid" in refused.stdout
    taken = run("--strip", "fence", "--floor", "1.0")
    assert taken.returncode == 0
    assert "documents: 2/2 valid, 2/2 exact" in taken.stdout
    assert "note: a Markdown fence was taken off 1 of 2 answers" in taken.stdout


def test_keys_of_gold_that_are_not_those_of_the_schema(folder: Path) -> None:
    """Unknown ones are left out and counted, missing ones are null: only where the command says so."""
    second = {"id": "b", "vendor": "B", "amount": 0.1}
    write_jsonl(folder / "gold.jsonl", [{"id": "a", "expected": {"vendor": "A", "page": 1, "tags": []}}, second])
    write_jsonl(folder / "p.jsonl", [{"id": "a", "vendor": "A", "amount": 2}, second])
    assert "case 'a': the schema has no field 'page'" in run().stdout
    taken = " ".join(run("--ignore-unknown").stdout.split())
    assert "note: gold has keys that the schema does not have, ignored: page (1 case)" in taken
    assert "amount 1/1" in taken
    assert "amount 1/2" in " ".join(run("--ignore-unknown", "--absent-is-null").stdout.split())


@pytest.mark.own_process  # a process reads the rules of a file once
def test_rules_by_field(folder: Path) -> None:
    """`--compare` has the rules of a JSON file, of list items too; a wrong one is one line."""
    (folder / "gold.jsonl").write_text('{"id": "a", "vendor": "ACME", "tags": ["X", "y"]}')
    (folder / "p.jsonl").write_text('{"id": "a", "vendor": "acme", "tags": ["x", "Y"]}')
    assert run("--floor", "1.0").returncode == 1
    (folder / "rules.json").write_text(
        '{"vendor": {"Text": {"casefold": true}}, "tags[]": {"Text": {"casefold": true}}}'
    )
    assert run("--floor", "1.0", "--compare", "rules.json").returncode == 0
    for text, problem in (
        ("[]", "--compare rules.json: must be an object of rules by field path"),
        ('{"vendor": {"Txt": {}}}', "vendor: x-llm-extract: no rule 'Txt'. Did you mean 'Text'?"),
        ('{"vendr": {"Text": {}}}', "compare: no field 'vendr'. Did you mean 'vendor'?"),
    ):
        (folder / "rules.json").write_text(text)
        wrong = run("--compare", "rules.json")
        assert wrong.returncode == 2
        assert problem in wrong.stderr


def test_json_and_parquet(folder: Path) -> None:
    """The same records in four kinds of files give the same results."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    gold: list[dict[str, Any]] = [{"id": f"c{k}", "vendor": f"V{k}", "amount": f"{k}.5"} for k in range(5)]
    predicted = [row | ({"vendor": "?"} if row["id"] == "c3" else {}) for row in reversed(gold)]
    results = []
    for kind in ("jsonl", "json", "csv", "parquet"):
        for name, rows in (("g", gold), ("q", predicted)):
            if kind == "jsonl":
                write_jsonl(folder / f"{name}.jsonl", rows)
            elif kind == "json":
                (folder / f"{name}.json").write_text(json.dumps(rows, indent=2))
            elif kind == "csv":
                as_csv(folder, f"{name}.csv", list(rows[0]), [list(row.values()) for row in rows])
            else:
                typed = [row | {"amount": Decimal(row["amount"])} for row in rows]
                parquet.write_table(pyarrow.Table.from_pylist(typed), folder / f"{name}.parquet")
        done = run("--json", "r.json", gold=f"g.{kind}", predictions=f"q.{kind}")
        assert done.returncode == 0, done.stdout + done.stderr
        suite = json.loads((folder / "r.json").read_text())["suites"][0]
        results.append((suite["fields"], suite["cases"]))
    assert results == [results[0]] * 4


def test_a_table_has_every_column(folder: Path) -> None:
    """Of `output` and `raw` the one that is not null counts; with both there is no telling."""
    rows = [
        {"id": "a", "output": {"vendor": "ACME"}, "raw": None},
        {"id": "b", "output": None, "raw": '{"vendor": "Bolt"}'},
        {"id": 3, "output": None, "raw": None},
        {"id": "d", "output": {"vendor": "Dune"}, "raw": "{}"},
    ]
    write_jsonl(folder / "p.jsonl", rows)
    done = run("--json", "r.json")
    assert done.returncode == 3
    assert "1 broken prediction: p.jsonl:4 has both 'output' and 'raw'" in done.stdout
    cases = json.loads((folder / "r.json").read_text())["suites"][0]["cases"]
    assert [case["status"] for case in cases] == ["ok", "ok", "invalid", "invalid"]


def test_json_names_the_line_of_a_record(folder: Path) -> None:
    """A list that is written over several lines."""
    (folder / "p.json").write_text(json.dumps([*PREDICTIONS, {"id": "x", "vendor": "a"}], indent=1))
    line = (folder / "p.json").read_text().splitlines().index('  "id": "x",')
    done = run(predictions="p.json")
    assert f"1 prediction for no case of gold: p.json:{line} 'x'" in done.stdout


def test_two_predictions_compare_with_diff(folder: Path) -> None:
    """results.json of two runs over the same gold goes into `llm-extract diff`."""
    write_jsonl(folder / "worse.jsonl", [{"id": row["id"], "vendor": "?"} for row in PREDICTIONS])
    run("--json", "a.json")
    run("--json", "b.json", predictions="worse.jsonl")
    done = llm_extract("diff", "a.json", "b.json")
    assert "lost" in done.stdout
    assert "vendor" in done.stdout


def test_large_corpora_are_totals_only(folder: Path) -> None:
    """Past 10,000 cases results.json lists none, says so, and cannot be mistaken for an empty run."""
    order = list(range(10_001))
    write_jsonl(folder / "gold.jsonl", [{"id": k, "vendor": f"V{k}"} for k in order])
    random.Random(0).shuffle(order)
    write_jsonl(folder / "p.jsonl", [{"id": k, "vendor": f"V{k}" if k % 10 else "?"} for k in order])
    done = run("--floor", "0.9", "--json", "r.json")
    assert done.returncode == 1
    assert "vendor: 9000/10001 = 89.99% is below 90%" in done.stdout
    assert "… and 993 more\n" in done.stdout
    assert "10,001 cases: totals and the worst misses only" in done.stdout
    written = json.loads((folder / "r.json").read_text())
    jsonschema.validate(written, json_schema())
    suite = written["suites"][0]
    assert (suite["n_cases"], suite["cases"], suite["documents"]["exact"]) == (10_001, [], 9000)
    merged = llm_extract("merge", "r.json")
    assert merged.returncode == 2
    assert "holds totals only" in merged.stderr


def test_help_documents_exit_statuses() -> None:
    """An example, the forms of records, and every exit status."""
    done = llm_extract("score", "--help")
    for text in ("Example:", '"output"', '"raw"', "0  scored", "1  a floor", "2  wrong", "3  records do not match"):
        assert text in done.stdout


class Row(BaseModel):
    sku: str | None = None
    price: Decimal | None = None


class Document(BaseModel):
    vendor: str | None = None
    rows: list[Row] = []


value = st.sampled_from([None, "a", "b", "B"])
document = st.fixed_dictionaries(
    {},
    optional={
        "vendor": value,
        "rows": st.lists(
            st.fixed_dictionaries({}, optional={"sku": value, "price": st.sampled_from([None, "1", "2.0"])}), max_size=4
        ),
    },
)
pairs = st.lists(st.tuples(document, st.one_of(document, st.just("broken"), st.none())), min_size=1, max_size=12)
SCHEMA = Schema.of(Document, "test")


def records_of(cases: list[tuple[Any, Any]]) -> Part:
    """Gold and predictions; None is a prediction that is not there."""
    gold = [(k, json.dumps({"id": f"c{k}", "expected": one}).encode()) for k, (one, _) in enumerate(cases)]
    predictions: list[Record] = [
        (k, json.dumps({"id": f"c{k}", "raw": other if isinstance(other, str) else json.dumps(other)}).encode())
        for k, (_, other) in enumerate(cases)
        if other is not None
    ]
    return Part(gold, predictions)


SCORER = PartScorer(SCHEMA, (("g",), ("p",)), Scope.of(SCHEMA), keep_all=True)


@settings(max_examples=60)
@given(pairs, st.randoms(use_true_random=False), st.integers(1, 4))
def test_splitting_equals_one_pass(cases: list[tuple[Any, Any]], order: random.Random, n_parts: int) -> None:
    """However a corpus is cut, and in whatever order its parts merge: the very same totals, intervals included."""
    whole = SCORER.score(records_of(cases))
    part = records_of(cases)
    cut = [Part([], []) for _ in range(n_parts)]
    place = {line: order.randrange(n_parts) for line, _ in part.gold}
    for line, text in part.gold:
        cut[place[line]].gold.append((line, text))
    for line, text in order.sample(part.predictions, len(part.predictions)):
        cut[place[line]].predictions.append((line, text))
    merged = sum(map(SCORER.score, order.sample(cut, n_parts)), Totals())
    assert (merged.counts, merged.examples) == (whole.counts, whole.examples)
    assert merged.fields() == whole.fields()


@settings(max_examples=60)
@given(pairs)
def test_totals_equal_the_summary_of_a_suite(cases: list[tuple[Any, Any]]) -> None:
    """What streams is what the plugin's table says of the same cases: counts, intervals, documents."""
    totals = SCORER.score(records_of(cases))
    results = list(totals.examples.cases.values())
    assert totals.fields() == summarize(SCHEMA.scored_paths, results)
    assert dataclasses.asdict(totals.tally()) == dataclasses.asdict(Tally.of(results))
    assert (totals.counts.n_valid, totals.counts.n_exact) == (
        sum(r.valid for r in results),
        sum(r.exact for r in results),
    )
    for (gold, predicted), result in zip(cases, sorted(results, key=lambda r: int(r.id[1:])), strict=True):
        if isinstance(predicted, dict):
            alone = score_answer(SCHEMA, SCHEMA.read_gold(gold), read_answer(SCHEMA, json.dumps(predicted)))
            assert alone.leaves == result.leaves


@pytest.mark.parametrize("n_parts", [1, 7])
def test_parts_on_disk_equal_memory(folder: Path, monkeypatch: pytest.MonkeyPatch, n_parts: int) -> None:
    """Worker processes and temporary files give what one pass in memory gives, and leave no file behind."""
    rows = [{"id": k, "expected": {"vendor": f"V{k % 5}", "tags": ["a"] * (k % 3)}} for k in range(60)]
    predicted = [{"id": str(k), "output": {"vendor": f"V{k % 4}", "tags": ["a"]}} for k in range(2, 60)]
    write_jsonl(folder / "gold.jsonl", [*rows, *BAD_GOLD])
    write_jsonl(folder / "p.jsonl", [*predicted, *BAD])
    files = Corpus(Path("gold.jsonl"), Path("p.jsonl"), "invoices:Invoice")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (folder / "tmp").mkdir()
    corpus.schema_of.cache_clear()
    alone = score_corpus(files, 2, lambda share: None)
    monkeypatch.setattr(corpus, "_ALONE_BYTES", 0)
    monkeypatch.setattr(corpus, "_PART_BYTES", files.size // n_parts)
    shares: list[float] = []
    split = score_corpus(files, 2, shares.append)
    assert (split.counts, split.examples) == (alone.counts, alone.examples)
    found = {"missing": 2, "broken": 5, "broken gold": 2, "unknown": 1, "duplicate": 1, "duplicate gold": 2}
    assert alone.counts.problems == found
    assert sum(shares) == pytest.approx(1)
    assert list((folder / "tmp").iterdir()) == []


def test_errors_come_back_from_workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file that cannot be read is the same one line as a small one."""
    (folder / "p.csv").write_bytes(b"id,vendor\na,\xff\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(corpus, "_ALONE_BYTES", 0)
    corpus.schema_of.cache_clear()
    with pytest.raises(DatasetError, match=r"p\.csv") as caught:
        score_corpus(Corpus(Path("gold.jsonl"), Path("p.csv"), "invoices:Invoice"), 2, lambda share: None)
    assert "p.csv: cannot be read: 'utf-8' codec can't decode byte 0xff" in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_is_for_terminals(folder: Path) -> None:
    """On a terminal stderr shows progress; in a pipe it stays empty."""
    import pty

    reader, writer = pty.openpty()
    command = [LLM_EXTRACT, "score", "gold.jsonl", "p.jsonl", "--schema", "invoices:Invoice"]
    environment = {**os.environ, "TERM": "xterm"}
    subprocess.run(command, stderr=writer, stdout=subprocess.PIPE, cwd=folder, env=environment, timeout=120, check=True)
    assert b"scoring" in os.read(reader, 10_000)
    assert run().stderr == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "a", "output": {"vendor": "x"}}',
        '{"id": 7, "vendor": "x"}\n',
        '{"id": "a", "output": {"vendor": "x"}, "id": "b"}',
        '{"id": "a", "vendor": "x", "id": "b"}',
        '{"id": "a", "output": {"vendor": "x"}, "model": {"vendor": "y"}}',
        '{"id": "a", "vendor": "x", "\\u006futput": {"vendor": "y"}}',
        '{"id": "a\\u0062", "output": {}}',
        '{"output": {"vendor": "x"}, "id": "a"}',
        '{"id": "a", "output": "x"}',
        '{"id": "a"}',
        '{"id": "a", "output": {"vendor": "x"}}}',
    ],
)
def test_unparsed_records_are_read_as_parsed_ones(text: str) -> None:
    """What is cut out of a record without parsing it, if it is JSON, is what parsing gives."""
    cut = cut_value(text.encode(), "output", ())
    if cut is None:
        return
    try:
        found = json.loads(cut[1])
    except ValueError:
        return
    row = json.loads(text)
    assert str(row.pop("id")) == cut[0].decode()
    assert found == row.get("output", row)


def test_long_numbers_stay_exact(folder: Path) -> None:
    """A JSON number of twenty digits does not pass through a float on its way to Decimal."""
    number = "12345678901234567.891"
    write_jsonl(folder / "gold.jsonl", [{"id": k, "expected": {"amount": number}} for k in "abc"])
    predictions = [
        f'{{"id": "a", "output": {{"amount": {number}}}}}',
        f'{{"id": "b", "amount": {number}, "input": ""}}',
        f'{{"id": "c", "output": {{"amount": {number}}}, "model": "m"}}',
    ]
    write_jsonl(folder / "p.jsonl", predictions)
    assert run("--floor", "1").returncode == 0


def test_reading_names_every_line(tmp_path: Path) -> None:
    """Blank lines and a byte order mark are no records; lines are counted with them."""
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": 1}\r\n\r\n{"id": 2}')
    assert list(read_records(path, ())) == [(1, b'{"id": 1}\r\n'), (3, b'{"id": 2}')]
