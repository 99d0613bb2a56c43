"""A JSON Schema in place of a pydantic model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from standin import StandIn

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
def test_json_schema_file_with_rules(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    """The file is the schema of the request and of the scores; its rules hold."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    pytester.path.joinpath("invoice.schema.json").write_text(json.dumps(SCHEMA))
    pytester.makefile(".md", p="Read the invoice.")
    pytester.makefile(".jsonl", gold=json.dumps({"id": "i1", "input": "an invoice", "expected": GOLD}))
    pytester.makepyfile(test_invoices=SUITE)
    with StandIn(lambda body: json.dumps(ANSWER)) as provider, monkeypatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
        sent = provider.requests[0]["response_format"]["json_schema"]
    assert sent["name"] == "Invoice"
    assert "x-llm-extract" not in json.dumps(sent)
    run = pytester.runpytest_subprocess(f"-n{workers}", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=2)
    fields = json.loads((pytester.path / "out.json").read_text())["suites"][0]["fields"]
    right = {path: (field["correct"], field["n"]) for path, field in fields.items()}
    assert right == {"vendor": (1, 1), "issued": (0, 1), "lines[].sku": (2, 2), "lines[].price": (1, 2)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "*invoice.schema.json: is not JSON: *"),
        ("[]", "*invoice.schema.json: is no JSON Schema: its top level is no object"),
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


def test_command_line_takes_a_json_schema(tmp_path: Path) -> None:
    """`llm-extract score` needs no Python of the user's."""
    tmp_path.joinpath("s.json").write_text(json.dumps(SCHEMA))
    tmp_path.joinpath("gold.jsonl").write_text(json.dumps({"id": "i1", "expected": GOLD}))
    tmp_path.joinpath("said.jsonl").write_text(json.dumps({"id": "i1", "output": ANSWER}))
    program = str(Path(sys.executable).with_name("llm-extract"))
    command = [program, "score", "gold.jsonl", "said.jsonl", "--schema", "s.json"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert re.search(r"vendor +1/1 ", run.stdout)
