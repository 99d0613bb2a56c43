"""DSPy: real optimisers, a loopback model, and our metric."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel
from standin import StandIn

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else prices are fetched from the network at the import
dspy: Any = pytest.importorskip("dspy", reason="dspy is not installed")

from pytest_llm_extract.optimize import HoldoutSeenError, dspy_metric  # noqa: E402

pytestmark = pytest.mark.slow
WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in ("alo", "eri", "omu") for c in ("ck", "sen", "tov")]


class Note(BaseModel):
    name: str
    size: int


def letter(number: int) -> str:
    """A document of its own."""
    return f"bolt{number} {number} {' '.join(Random(number).choices(WORDS, k=30))}"


def example(number: int) -> Any:
    """A DSPy example with its gold."""
    gold = {"name": f"bolt{number}", "size": number}
    return dspy.Example(input=letter(number), expected=gold, output=json.dumps(gold)).with_inputs("input")


def complete(body: dict[str, Any]) -> str:
    """A model that gives sizes only where the prompt asks for them, or shows how. It also reflects for GEPA."""
    said = "\n".join(str(turn["content"]) for turn in body["messages"])
    if body["model"] == "r":
        return json.dumps({"new_instruction": "Give the name and the size as JSON. SIZES PLEASE."})
    document = str(body["messages"][-1]["content"]).split("[[ ## input ## ]]")[-1]
    name, size = document.split()[:2]
    is_dspy = "[[ ## input ## ]]" in said
    knows = "SIZES PLEASE" in said or (said.count("[[ ## input ## ]]") > 2 if is_dspy else len(body["messages"]) > 2)
    gold = {"name": name, "size": int(size)} if knows or int(size) % 3 == 0 else {"name": name}
    if not is_dspy:
        return json.dumps({"size": 0} | gold)
    return f"[[ ## output ## ]]\n{json.dumps(gold)}\n\n[[ ## completed ## ]]"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The model on loopback, known to DSPy."""
    with StandIn(complete) as standin:
        lm = dspy.LM("openai/m", api_base=standin.base_url, api_key="loopback-only", cache=False, num_retries=0)
        with dspy.context(lm=lm):
            yield standin


def accuracy(program: Any, metric: Any) -> float:
    """The mean score on examples that no optimiser saw."""
    unseen = [example(number) for number in range(40, 48)]
    return sum(float(metric(one, program(input=one.input))) for one in unseen) / len(unseen)


SUITE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Variant

class Note(BaseModel):
    name: str
    size: int

@pytest.mark.llm_extract(
    schema=Note, cases="gold.jsonl", prompt="plain.md", model="m",
    variants=[
        Variant("gepa", prompt="gepa.md", gated=True),
        Variant("bootstrap", examples="demos.jsonl", gated=True),
    ],
)
@pytest.mark.llm_accuracy(0.9)
def test_notes(extraction): ...
"""


def test_the_gate_judges_what_optimisers_found(
    provider: StandIn, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their prompts become variants; on cases that no optimiser saw they pass where the prompt of before fails."""
    gold = [{"id": f"c{n}", "input": letter(n), "expected": {"name": f"bolt{n}", "size": n}} for n in range(40, 52)]
    (pytester.path / "gold.jsonl").write_text("\n".join(map(json.dumps, gold)))
    metric, plain = dspy_metric(Note, holdout=pytester.path / "gold.jsonl"), dspy.Predict("input -> output")
    examples = [example(number) for number in range(1, 13)]
    reflection = dspy.LM("openai/r", api_base=provider.base_url, api_key="loopback-only", cache=False)
    gepa = dspy.GEPA(metric=metric, max_metric_calls=40, reflection_lm=reflection, num_threads=1, seed=1)
    found = gepa.compile(plain, trainset=examples[:6], valset=examples[6:])
    bootstrap = dspy.BootstrapFewShot(metric=metric, max_bootstrapped_demos=2, max_labeled_demos=0)
    demos = bootstrap.compile(plain, trainset=examples).demos
    rows = [{"input": demo["input"], "expected": json.loads(demo["output"])} for demo in demos]
    (pytester.path / "demos.jsonl").write_text(
        "\n".join(json.dumps({"id": f"d{n}", **row}) for n, row in enumerate(rows))
    )
    (pytester.path / "plain.md").write_text("Give the name and the size.")
    (pytester.path / "gepa.md").write_text(found.signature.instructions)
    pytester.makepyfile(test_notes=SUITE)
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
    run = pytester.runpytest_subprocess("--llm-record", "-rA")
    run.assert_outcomes(passed=36 + 2, failed=1)
    run.stdout.fnmatch_lines(
        ["PASSED *::gate[[]gepa]", "PASSED *::gate[[]bootstrap]", "FAILED *test_notes::gate*size: 4/12*"]
    )
    run.stdout.fnmatch_lines(["*gepa beats plain on size: +8 cases, −0*"])
    sent = [str(body["messages"]) for body in provider.requests if "[[ ## " in str(body["messages"])]
    assert not any(letter(n) in said for n in range(40, 52) for said in sent)


def test_score_and_feedback() -> None:
    """The share of right leaves, a line for each difference, and a truth value by the threshold."""
    metric = dspy_metric(Note)
    whole = metric(example(4), dspy.Prediction(output='{"name": "bolt4", "size": 4}'))
    assert (float(whole), bool(whole), whole.feedback) == (1.0, True, "Every field is right.")
    half = metric(example(4), dspy.Prediction(output='{"name": "BOLT4", "size": 4}'))
    assert (half.score, bool(half)) == (0.5, False)
    assert half.feedback == 'name: expected "bolt4", got "BOLT4" (casefold)'
    assert bool(dspy_metric(Note, threshold=0.5)(example(4), dspy.Prediction(output='{"name": "x", "size": 4}')))
    lost = metric(example(4), dspy.Prediction(output="I cannot"))
    assert lost.score == 0
    assert "not JSON" in lost.feedback


def test_held_out_examples_are_refused() -> None:
    """What a suite compares, or nearly, stops the optimiser, which would go on after an ordinary exception."""
    rows = [{"id": f"c{n}", "input": letter(n), "expected": {"name": f"bolt{n}"}} for n in range(3)]
    metric = dspy_metric(Note, holdout=rows)
    seen = dspy.Example(input=letter(2).replace("a", "4", 2), expected={"name": "bolt2"}).with_inputs("input")
    with pytest.raises(HoldoutSeenError, match="'c2'"):
        metric(seen, dspy.Prediction(output="{}"))
    assert metric(example(9), dspy.Prediction(output="{}")).score == 0


def test_bootstrap_few_shot(provider: StandIn) -> None:
    """It takes whole answers as demonstrations, and the program gets better on unseen documents."""
    metric, plain = dspy_metric(Note), dspy.Predict("input -> output")
    optimizer = dspy.BootstrapFewShot(metric=metric, max_bootstrapped_demos=2, max_labeled_demos=0)
    found = optimizer.compile(plain, trainset=[example(number) for number in range(1, 10)])
    sizes = [json.loads(demo["output"]).get("size") for demo in found.demos]
    assert sizes == [3, 6]
    assert accuracy(plain, metric) < 0.8
    assert accuracy(found, metric) == 1.0


def test_gepa(provider: StandIn) -> None:
    """It reflects on our feedback, and what it finds is better on unseen documents."""
    metric, plain = dspy_metric(Note), dspy.Predict("input -> output")
    reflection = dspy.LM("openai/r", api_base=provider.base_url, api_key="loopback-only", cache=False)
    optimizer = dspy.GEPA(metric=metric, max_metric_calls=40, reflection_lm=reflection, num_threads=1, seed=1)
    examples = [example(number) for number in range(1, 13)]
    found = optimizer.compile(plain, trainset=examples[:6], valset=examples[6:])
    reflected = [body for body in provider.requests if body["model"] == "r"]
    assert any("size: expected" in str(body["messages"]) for body in reflected)
    assert "SIZES PLEASE" in found.signature.instructions
    assert accuracy(plain, metric) < accuracy(found, metric) == 1.0
