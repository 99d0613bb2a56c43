"""The example suite: its gold is consistent, its numbers can be had again, and a worse prompt fails its build."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from standin import StandIn
from standin_agreements import answer_example

pytestmark = pytest.mark.own_process  # what runs leave behind must not meet the next one

ROOT = Path(__file__).parents[1]
GOLDEN = [json.loads(line) for line in (ROOT / "examples/golden/invoices.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def examples(bare: pytest.Pytester) -> pytest.Pytester:
    """A copy of the examples without cassettes, on a machine without a key."""
    shutil.copytree(ROOT / "examples", bare.path / "examples")
    bare.makeini("[pytest]")
    return bare


@pytest.fixture
def reader() -> Iterator[StandIn]:
    """The readers on loopback, as `python tests/standin.py` serves them."""
    with StandIn(answer_example) as standin:
        yield standin


def record(examples: pytest.Pytester, reader: StandIn, *arguments: str) -> pytest.RunResult:
    """Record what is missing or stale from the invoice reader."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        patch.setenv("OPENAI_BASE_URL", reader.base_url)
        return examples.runpytest_subprocess("--llm-record", *arguments)


def rates(path: Path) -> dict[str, Any]:
    """The scored fields of every suite in a results.json, whatever they are compared with."""
    suites = json.loads(path.read_text("utf-8"))["suites"]
    apart = ("baseline", "anchor")
    return {
        f"{suite['id']} {suite['variant']}": {
            field: {name: rate for name, rate in found.items() if name not in apart}
            for field, found in suite["fields"].items()
        }
        for suite in suites
    }


@pytest.mark.parametrize("case", GOLDEN, ids=[case["id"] for case in GOLDEN])
def test_gold_adds_up(case: dict[str, Any]) -> None:
    """The rows of a labelled invoice make its amount, with the tax on top or included."""
    gold = case["expected"]
    if gold.get("line_items"):
        rows = sum(Decimal(row["quantity"]) * Decimal(row["price"]) for row in gold["line_items"])
        assert rows in (Decimal(gold["amount"]), Decimal(gold["amount"]) - Decimal(gold["tax"] or 0))


@pytest.mark.slow
def test_recording_again_gives_the_same_rates(examples: pytest.Pytester, reader: StandIn) -> None:
    """The committed cassettes hold what the invoice reader says today, field for field."""
    assert record(examples, reader, "--llm-extract-json=new.json").ret == pytest.ExitCode.OK
    shutil.rmtree(examples.path / "cassettes")
    shutil.copytree(ROOT / "cassettes", examples.path / "cassettes")
    assert examples.runpytest_subprocess("--llm-extract-json=old.json").ret == pytest.ExitCode.OK
    assert rates(examples.path / "new.json") == rates(examples.path / "old.json")


@pytest.mark.slow
def test_worse_prompt_fails_on_its_field(examples: pytest.Pytester, reader: StandIn) -> None:
    """A prompt that no longer says how to read dates costs dates, and nothing else."""
    shutil.copytree(ROOT / "cassettes", examples.path / "cassettes")
    prompt = examples.path / "examples/prompts/invoice.prompt.yml"
    prompt.write_text(prompt.read_text("utf-8").replace("A date such as 03/04/2026 is day first. ", ""), "utf-8")
    replayed = examples.runpytest_subprocess("-k", "test_invoices and not extract_invoice")
    assert replayed.ret == pytest.ExitCode.TESTS_FAILED
    replayed.stdout.fnmatch_lines([f"*STALE: system prompt changed ({len(GOLDEN)} cases*"])
    recorded = record(examples, reader, "examples/test_invoices.py")
    assert recorded.ret == pytest.ExitCode.TESTS_FAILED
    recorded.stdout.fnmatch_lines(["*test_invoices.gate*", "*date: 33/40 = 82.5% is below 87%"])
    recorded.assert_outcomes(passed=2 * len(GOLDEN) + 1, failed=1)
