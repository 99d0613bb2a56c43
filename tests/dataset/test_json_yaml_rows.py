"""Golden data in JSON, JSON lines and YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golden_files import load, problem
from hypothesis import given
from hypothesis import strategies as st

from pytest_llm_extract.dataset.json_rows import json_rows
from pytest_llm_extract.errors import Problems

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
        ("id: 1\ninput: x", ":1: must be a list of cases"),
        ("- {id: 1, input: x, expected: {}}\n---\n- 2", ":2: holds more than one document"),
        ("- x\n- \x00", ":2: is not YAML: the character U+0000 is not allowed"),
        ("- " + "[" * 100_000, ":1: is nested more than 100 levels deep"),
        ("# nothing", "gold.yaml: holds no cases"),
        ("", "gold.yaml: holds no cases"),
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
        ('{"cases": []}', ":1: must be a list of cases, each with id, input and expected"),
        ('{"format": "pytest-llm-extract-results"}', "id, input and expected; this is a results.json"),
        ('{"cases":\n<<<<<<< HEAD\n[]}', ":2: merge conflict marker"),
        ("[]", "gold.json: holds no cases"),
        ("", "gold.json: holds no cases"),
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
