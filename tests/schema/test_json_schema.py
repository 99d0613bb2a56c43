"""A JSON Schema in place of a pydantic model."""

from __future__ import annotations

import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from commands import LLM_EXTRACT
from recorded import reachable
from standin import StandIn

from pytest_llm_extract import score
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.schema.json_schema import model_of

SCHEMA: dict[str, Any] = {
    "title": "Invoice",
    "type": "object",
    "properties": {
        "vendor": {"type": "string", "x-llm-extract": {"Text": {"casefold": True}}},
        "issued": {"type": ["string", "null"], "format": "date"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
    "required": ["vendor", "issued", "lines"],
    "$defs": {"Line": {"type": "object", "properties": {"sku": {"type": "string"}, "price": {"type": "number"}}}},
}
GOLD = {"vendor": "ACME", "issued": "2026-01-14", "lines": [{"sku": "a", "price": 2}, {"sku": "b", "price": 3}]}
ANSWER = {"vendor": "acme", "issued": None, "lines": [{"sku": "b", "price": 3.0}, {"sku": "a", "price": 2.5}]}
SUITE = """
import pytest

@pytest.mark.llm_extract(schema="invoice.schema.json", prompt="p.md", model="m", cases="gold.jsonl")
@pytest.mark.llm_accuracy({"lines[].price": 0.5}, vendor=1.0)
def test_invoices(extraction):
    assert extraction.output.vendor
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_json_schema_file_with_rules(bare: pytest.Pytester, workers: str) -> None:
    """The file is the schema of the request and of the scores; its rules hold."""
    bare.path.joinpath("invoice.schema.json").write_text(json.dumps(SCHEMA))
    bare.makefile(".md", p="Read the invoice.")
    bare.makefile(".jsonl", gold=json.dumps({"id": "i1", "input": "an invoice", "expected": GOLD}))
    bare.makepyfile(test_invoices=SUITE)
    with StandIn(lambda body: json.dumps(ANSWER)) as provider, reachable(provider.base_url):
        bare.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
        sent = provider.requests[0]["response_format"]["json_schema"]
    assert sent["name"] == "Invoice"
    assert "x-llm-extract" not in json.dumps(sent)
    run = bare.runpytest_subprocess(f"-n{workers}", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=2)
    fields = json.loads((bare.path / "out.json").read_text())["suites"][0]["fields"]
    right = {path: (field["correct"], field["n"]) for path, field in fields.items()}
    assert right == {
        "vendor": (1, 1),
        "issued": (0, 1),
        "lines[]": (2, 2),
        "lines[].sku": (2, 2),
        "lines[].price": (1, 2),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "*invoice.schema.json: is not JSON: *"),
        ("[]", "*invoice.schema.json: is not a JSON Schema: its top level is not an object"),
        ('{"type": "object", "properties": {"a": {"$ref": "#/$defs/No"}}}', "*the JSON Schema cannot be read: *No*"),
        (
            '{"type": "object", "properties": {"a": {"type": "string", "x-llm-extract": {"Txt": {}}}}}',
            "*no rule 'Txt'. Did you mean 'Text'?",
        ),
    ],
)
def test_unusable_json_schema_is_one_line(pytester: pytest.Pytester, text: str, problem: str) -> None:
    """A collection error that names the file."""
    pytester.path.joinpath("invoice.schema.json").write_text(text)
    pytester.makefile(".md", p="Read the invoice.")
    pytester.makefile(".jsonl", gold=json.dumps({"id": "i1", "input": "an invoice", "expected": {}}))
    pytester.makepyfile(test_invoices=SUITE)
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines([problem])
    run.stdout.no_fnmatch_line("*Traceback*")


def properties(**given: Any) -> dict[str, Any]:
    """An object's schema."""
    return {"type": "object", "title": "T", "properties": given}


RULE = {"x-llm-extract": {"Text": {"casefold": True}}}
TEXT = {"type": "string"}
PART = properties(x=TEXT)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (properties(n=None), "properties.n: a schema must be an object, got None"),
        (
            properties(n={"type": "array", "items": [TEXT]}),
            "properties.n.items: must be one schema for every item, got [[]*",
        ),
        (
            properties(n={"type": "array", "items": {"$ref": "#"}}),
            "properties.n.items: a schema that contains itself must be *",
        ),
        (properties(m=TEXT, n={**TEXT, "pattern": "^(?!x)"}), "properties.n: *: look-around, * is not supported"),
        (properties(n={**TEXT, "minLength": "x"}), "properties.n.minLength: must be a whole number, got 'x'"),
        (properties(n={"type": "strng"}), "properties.n.type: no type 'strng'. Did you mean 'string'?"),
        (properties(n={"enum": "xyz"}), "properties.n.enum: must be a list of values, got 'xyz'"),
        ({**PART, "required": "x"}, "required: must be a list of names, got 'x'"),
        (
            {**properties(n={"$ref": "#/$defs/V"}), "$defs": {"V": {**TEXT, **RULE}}},
            "$defs.V: x-llm-extract belongs on *",
        ),
        (
            properties(n={"anyOf": [{**TEXT, **RULE}, {"type": "null"}]}),
            "properties.n.anyOf[[]0]: x-llm-extract belongs *",
        ),
        (properties(n={**PART, "additionalProperties": {**TEXT, **RULE}}), "*.additionalProperties: x-llm-*"),
        ({**PART, **RULE}, "the top level: x-llm-extract belongs on a property*"),
    ],
)
def test_what_a_json_schema_may_not_hold_is_one_line(schema: dict[str, Any], problem: str) -> None:
    """It names the place: nothing is dropped in silence, and nothing ends in a traceback."""
    with pytest.raises(UsageError) as caught:
        model_of(schema, "s.json")
    assert fnmatch(str(caught.value), f"s.json: {problem}")
    assert "\n" not in str(caught.value)


def outcomes(schema: dict[str, Any], gold: Any, answer: Any) -> dict[str, str]:
    """Of the only leaf of each path."""
    return {
        path: leaf.outcome.value for path, (leaf,) in score(gold, answer, model_of(schema, "s.json")).leaves.items()
    }


@pytest.mark.parametrize("types", [["object", "null"], "object", None])
def test_an_object_is_scored_by_its_properties(types: Any) -> None:
    """Also where it may be null, and where its type is left to be understood."""
    part = {key: value for key, value in PART.items() if key != "type"} | ({"type": types} if types else {})
    gold = {"n": {"x": "a"}}
    assert outcomes(properties(n=part), gold, {"n": {"x": "b"}}) == {"n.x": "wrong"}
    if isinstance(types, list):
        assert outcomes(properties(n=part), gold, {"n": None}) == {"n.x": "missing"}


def test_rows_of_a_list_that_may_be_null() -> None:
    """They are scored by their properties, and the rules of the list hold."""
    rows = {"type": ["array", "null"], "items": PART, "x-llm-extract": {"Align": {"key": "x"}}}
    assert outcomes(properties(n=rows), {"n": [{"x": "a"}]}, {"n": [{"x": "a"}]}) == {"n[].x": "correct"}


def test_unique_objects_are_a_list() -> None:
    """A set could not hold them, and every answer would be invalid; unique texts are a set."""
    schema = properties(n={"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/V"}})
    assert outcomes({**schema, "$defs": {"V": PART}}, {"n": [{"x": "a"}]}, {"n": [{"x": "a"}]}) == {"n[].x": "correct"}
    assert outcomes({**schema, "$defs": {"V": TEXT}}, {"n": ["a"]}, {"n": ["a", "a"]}) == {"n[]": "correct"}


def test_any_value_where_the_schema_is_true() -> None:
    """As JSON Schema has it."""
    assert outcomes(properties(n=True), {"n": {"a": [1]}}, {"n": {"a": [1]}}) == {"n": "correct"}


def test_alternatives_are_told_apart() -> None:
    """By the name of their definition or title, else by their place."""
    bill = {**PART, "properties": {"no": TEXT, "total": TEXT}, "required": ["no", "total"]}
    credit = {**PART, "properties": {"no": TEXT, "refund": TEXT}, "required": ["no", "refund"]}
    for untitled in (bill, credit):
        del untitled["title"]
    gold, answer = {"doc": {"no": "1", "total": "5"}}, {"doc": {"no": "1", "refund": "5"}}
    assert outcomes(properties(doc={"oneOf": [bill, credit]}), gold, answer)["doc.<type>"] == "wrong"
    named = {"anyOf": [{"$ref": "#/$defs/Bill"}, {"$ref": "#/$defs/Credit"}]}
    schema = {**properties(doc=named), "$defs": {"Bill": bill, "Credit": credit}}
    (leaf,) = score(gold, answer, model_of(schema, "s.json")).leaves["doc.<type>"]
    assert (leaf.outcome.value, leaf.expected, leaf.actual) == ("wrong", "Bill", "Credit")


def test_command_line_takes_a_json_schema(tmp_path: Path) -> None:
    """`llm-extract score` needs no Python of the user's."""
    tmp_path.joinpath("s.json").write_text(json.dumps(SCHEMA))
    tmp_path.joinpath("gold.jsonl").write_text(json.dumps({"id": "i1", "expected": GOLD}))
    tmp_path.joinpath("said.jsonl").write_text(json.dumps({"id": "i1", "output": ANSWER}))
    command = [LLM_EXTRACT, "score", "gold.jsonl", "said.jsonl", "--schema", "s.json"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert re.search(r"vendor +1/1 ", run.stdout)
