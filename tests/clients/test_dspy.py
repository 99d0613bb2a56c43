"""dspy, on top of litellm."""

from __future__ import annotations

import pytest
from suites import assert_gives_up

pytest.importorskip("dspy", reason="dspy is not installed")

GIVES_UP = """
import dspy

class Read(dspy.Signature):
    text: str = dspy.InputField()
    size: int = dspy.OutputField()

def predicted(adapter, text):
    lm = dspy.LM("openai/m", api_base=os.environ["OPENAI_BASE_URL"], cache=False)
    with dspy.context(lm=lm, adapter=adapter):
        return Item(name=str(dspy.Predict(Read)(text=text).size))

def read_chat(text) -> Item:
    return predicted(dspy.ChatAdapter(), text)

def read_json(text) -> Item:
    return predicted(dspy.JSONAdapter(), text)
"""


def test_giving_up_is_an_answer(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its adapters raise is recorded, and lost as invalid."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    assert_gives_up(pytester, GIVES_UP)
