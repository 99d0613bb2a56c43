"""Text of strangers on a terminal and in JUnit: it is shown, and does nothing."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from gate_cases import case, suite
from plain_http import ASK
from recorded import reachable
from standin import StandIn

from pytest_llm_extract import formats
from pytest_llm_extract.cli.main import main
from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.formats.visible import visible, visible_lines, visible_output
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.results_json import read_results, run_to_wire
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.rules.limits import Waiver

FORGED = "gate: FORGED"
HOSTILE = f"x\x1b]52;c;Zm9v\x07\n{FORGED}\r\x9b2J\u202eabc\u2066\u200b\u2028{FORGED}\ud800"


def is_harmless(output: str) -> bool:
    """Whether nothing but line ends is sent that does not print, and no line was forged."""
    lines = output.split("\n")
    return all(line.isprintable() for line in lines) and not any(line.startswith(FORGED) for line in lines)


def run_of_everything() -> SuiteResult:
    """A suite with losses, a waiver, warnings, metadata, raw answers and errors."""
    cases = [case(i, "name:c town:c", "name:c town:w", group="g") for i in range(12)]
    more: dict[str, Any] = {"raw": "r", "error": "e", "metadata": {"kind": "k"}, "cassette": "a.yaml"}
    cases = [replace(found, explanation=("why",), **more) for found in cases]
    whole = suite(cases, waivers=(Waiver("a reason", "2099-01-01", field="name"),))
    return whole._replace(model="m", prompt={"file": "p.md"}, warnings=("a warning",), no_baseline="none")


def strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the strings of a JSON value are; a name is marked by `None` at the end of its path."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield (*path, name, None)
            yield from strings(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value[:2]):
            yield from strings(item, (*path, index))


def poisoned(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy with hostile text in one place."""
    whole = copy.deepcopy(value)
    is_name = path[-1] is None
    *way, last = path[:-1] if is_name else path
    at = whole
    for step in way:
        at = at[step]
    if is_name:
        at[HOSTILE] = at.pop(last)
    else:
        at[last] = HOSTILE
    return whole


@pytest.mark.slow
def test_no_string_of_results_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    """Every string and name of a results.json is made hostile in turn; `merge` shows it or refuses the file."""
    whole = run_of_everything()
    wire = run_to_wire([(whole, decide(whole))], tmp_path)
    file, tried, rendered, through = tmp_path / "results.json", 0, 0, []
    for path in strings(wire):
        file.write_text(json.dumps(poisoned(wire, path)))
        run = CliRunner().invoke(main, ["merge", str(file)])
        tried, rendered = tried + 1, rendered + (run.exit_code != 2)
        if not is_harmless(run.output) or (run.exception and not isinstance(run.exception, SystemExit)):
            through.append((path, run.output, run.exception))
    assert (tried > 100, rendered > 50, through) == (True, True, [])


def test_text_is_one_line_and_a_block_keeps_its_own() -> None:
    """A line that holds a line end stays one line; only the layout of a table has several."""
    assert [*visible_lines(["a\nb\x9b"])] == ["a\\nb\\x9b"]
    assert visible("naïve 日本 🙂") == "naïve 日本 🙂"
    assert visible_output("\x1b[31mred\x1b[0m\n\x1b]0;title\x07") == "\x1b[31mred\x1b[0m\n\\x1b]0;title\\x07"


SUITE = (
    ASK
    + """
import pytest
from pydantic import BaseModel, create_model
from pytest_llm_extract import Waiver

HOSTILE = TEXT
Item = create_model("Item" + HOSTILE, name=(str, ...))

def read(text: str) -> Item:
    return Item.model_validate_json(ask(("user", text)))

CASES = [{"id": "c" + HOSTILE, "input": "doc", "expected": {"name": "x"}, "group": HOSTILE}]

@pytest.mark.llm_extract(extractor=read, cases=CASES, schema=Item, strict=True)
@pytest.mark.llm_accuracy(1.0)
@pytest.mark.llm_gate(waive=[Waiver(HOSTILE, "2099-01-01", field="name")])
def test_items(extraction):
    pass

@pytest.mark.llm_extract(extractor=read, cases=CASES, schema=Item)
def test_raises(extraction):
    print(HOSTILE)
    raise ValueError(HOSTILE)
"""
)


def test_run_shows_hostile_text_and_junit_stays_valid(bare: pytest.Pytester) -> None:
    """Case ids, answers under `strict`, waivers and errors are shown; reports are XML that parsers read."""
    text = HOSTILE.replace("\ud800", "")
    bare.makepyfile(test_items=SUITE.replace("TEXT", repr(text)))
    command = [sys.executable, "-m", "pytest", "-rA", "--llm-record", "--junitxml=junit.xml", "-p", "no:cacheprovider"]
    with StandIn(lambda body: json.dumps({"name": text})) as provider, reachable(provider.base_url):
        run = subprocess.run(command, cwd=bare.path, capture_output=True, check=False)
    output = run.stdout.decode()
    assert run.returncode == 1
    assert "gate: fail" in output
    assert {line for line in output.split("\n") if not line.isprintable()} == set()
    ElementTree.parse(bare.path / "junit.xml")


@pytest.mark.parametrize("text", [HOSTILE.replace("\ud800", "")])
def test_errors_of_commands_are_shown(text: str, tmp_path: Path) -> None:
    """A file with a hostile suite name is refused in words that do nothing."""
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"version": text}))
    with pytest.raises(LlmExtractError):
        read_results(file.read_text(), "results.json")
    run = CliRunner().invoke(main, ["merge", str(file)])
    assert run.exit_code == 2
    assert is_harmless(run.output)


def test_nothing_writes_past_the_one_place() -> None:
    """Only `report/write.py` writes to pytest's terminal, and only `cli/output.py` prints."""
    package = Path(formats.__file__).parent.parent
    written = re.compile(r"\.write_line\(|\.section\(|click\.s?echo\(|(?<![\w.])print\(")
    writers = {
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if written.search(path.read_text())
    }
    assert writers - {"cli/main.py"} == {"report/write.py", "cli/output.py"}
