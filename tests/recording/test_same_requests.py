"""Requests that several variants send alike are sent once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from plain_http import ASK
from recorded import record
from standin import StandIn

MODULE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Text, Variant

class Item(BaseModel):
    name: str

def read(text):
    from asking import ask

    return ask(("system", "Read."), ("user", text))

CASES = [{"id": f"c{i}", "input": f"bolt {i}", "expected": {"name": f"bolt {i}"}} for i in range(3)]

@pytest.mark.llm_extract(schema=Item, cases=CASES, ARGUMENTS)
def test_items(extraction): ...
"""
LENIENT = 'Variant("lenient", compare={"name": Text(casefold=True)}, gated=True)'


def answer(body: dict[str, Any]) -> str:
    """The document is the name."""
    return json.dumps({"name": body["messages"][-1]["content"]})


def write(project: pytest.Pytester, arguments: str) -> None:
    """A suite of three cases, with two prompts."""
    (project.path / "plain.md").write_text("Read the item.")
    (project.path / "terse.md").write_text("Terse.")
    (project.path / "test_items.py").write_text(MODULE.replace("ARGUMENTS", arguments))


def prompted(*variants: str, prompt: str = "plain.md", samples: int = 1) -> str:
    """The marker's arguments."""
    return f'prompt="{prompt}", model="gpt-4o", samples={samples}, variants=[{", ".join(variants)}]'


def files(project: pytest.Pytester, variant: str) -> list[str]:
    """The cassettes of a variant, as text."""
    folder: Path = project.path / "cassettes/test_items/test_items" / variant
    return [path.read_text() for path in sorted(folder.glob("*.yaml"))]


def test_variants_with_the_same_requests_are_paid_once(bare: pytest.Pytester) -> None:
    """The plan says so, samples stay different answers, and each variant has cassettes of its own."""
    write(bare, prompted(LENIENT, 'Variant("terse", prompt="terse.md")', samples=2))
    with StandIn(answer) as provider:
        planned = record(bare, provider, "--llm-extract-plan")
        run = record(bare, provider)
        sent = len(provider.requests)
        again = record(bare, provider, "--llm-extract-budget=0.000001")
    planned.stdout.fnmatch_lines(
        [
            "test_items.py::test_items (lenient): 0 fresh, 6 missing",
            "  to copy: 6 cassettes; the requests are those of plain and are not sent again",
            "12 cassettes to record, 6 cassettes to copy",
        ]
    )
    run.assert_outcomes(passed=11)
    assert sent == 3 * 2 * 2
    assert files(bare, "lenient") == files(bare, "plain")
    assert len(files(bare, "lenient")) == 6
    again.assert_outcomes(passed=11)
    assert len(provider.requests) == sent


def test_going_back_to_a_formulation_costs_nothing(bare: pytest.Pytester) -> None:
    """A promoted variant takes over its answers, also where the marker no longer has it as a variant."""
    with StandIn(answer) as provider:
        write(bare, prompted('Variant("terse", prompt="terse.md")'))
        record(bare, provider).assert_outcomes(passed=7)
        sent = len(provider.requests)
        write(bare, prompted('Variant("before", prompt="plain.md")', prompt="terse.md"))
        run = record(bare, provider, "--llm-extract-budget=0.000001")
        run.assert_outcomes(passed=7)
        run.stdout.no_fnmatch_line("*llm-extract mv*")
        (bare.path / "plain.md").write_text("Terse.")  # while the old text becomes a variant
        (bare.path / "terse.md").write_text("Read the item.")
        run = record(bare, provider, "--llm-extract-budget=0.000001")
    run.assert_outcomes(passed=7)
    assert len(provider.requests) == sent


def test_extractors_share_only_what_they_send_alike(bare: pytest.Pytester) -> None:
    """The same function twice is asked once; recording all anew sends it again, and once."""
    bare.makepyfile(asking=ASK)
    write(bare, f"extractor=read, variants=[{LENIENT}, Variant('other', extractor=lambda text: read(text + '!'))]")
    with StandIn(answer) as provider:
        record(bare, provider).assert_outcomes(passed=11)
        first = len(provider.requests)
        record(bare, provider, "--llm-extract-record=all").assert_outcomes(passed=11)
    assert (first, len(provider.requests)) == (6, 12)


def test_a_missing_recording_names_the_variant_that_has_it(bare: pytest.Pytester) -> None:
    """Not `llm-extract mv`, which would take it away from that variant."""
    with StandIn(answer) as provider:
        write(bare, prompted())
        record(bare, provider).assert_outcomes(passed=4)
    write(bare, prompted(LENIENT))
    run = bare.runpytest_subprocess()
    run.assert_outcomes(passed=4, failed=4)
    run.stdout.fnmatch_lines(["*variant 'plain' sends the same requests: pytest --llm-record copies its recordings*"])
    run.stdout.no_fnmatch_line("*llm-extract mv*")


def test_an_extractor_that_skips_is_left_to_its_tests(bare: pytest.Pytester) -> None:
    """Planning stops extractors at their first request; one that ends before it skips its tests, as it would anyway."""
    write(bare, f"extractor=lambda text: pytest.skip('not here'), variants=[{LENIENT}]")
    with StandIn(answer) as provider:
        record(bare, provider).assert_outcomes(skipped=8)
    assert not provider.requests


@pytest.mark.parametrize("way", ["extractor=read", 'prompt="plain.md", model="gpt-4o"'])
def test_tests_of_a_class_are_paid_once(bare: pytest.Pytester, way: str) -> None:
    """A marker at a class makes a suite of each test: all have the answers of the first, also later."""
    write(bare, way)
    path = bare.path / "test_items.py"
    head, marker = path.read_text().split("@pytest", 1)
    tests = "".join(f"    def test_{name}(self, extraction): ...\n" for name in "ab")
    path.write_text(f"{head}@pytest{marker.partition('def')[0]}class TestItems:\n{tests}")
    bare.path.joinpath("asking.py").write_text(ASK)
    name = "TestItems::test_a"
    with StandIn(answer) as provider:
        run = record(bare, provider)
        run.assert_outcomes(passed=8)
        run.stdout.fnmatch_lines([f"  to copy: 3 cassettes; the requests are those of test_items.py::{name} and *"])
        assert len(provider.requests) == 3
        bare.runpytest().assert_outcomes(passed=8)
        bare.path.joinpath("plain.md").write_text("Read the items.")
        path.write_text(path.read_text().replace('"Read."', '"Read it."'))
        record(bare, provider).assert_outcomes(passed=8)
        assert len(provider.requests) == 6
        path.write_text(path.read_text() + tests.splitlines()[0].replace("test_a", "test_c") + "\n")
        record(bare, provider).assert_outcomes(passed=12)
        assert len(provider.requests) == 6
    bare.runpytest().assert_outcomes(passed=12)
