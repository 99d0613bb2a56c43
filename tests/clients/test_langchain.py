"""langchain, on top of the openai SDK."""

from __future__ import annotations

import pytest
from suites import assert_gives_up

pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
pytest.importorskip("langchain.agents", reason="langchain is not installed")

GIVES_UP = """
from langchain_core.output_parsers import PydanticOutputParser
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_openai import ChatOpenAI

def model():
    return ChatOpenAI(model="m")

def read_json_mode(text) -> Item:
    return model().with_structured_output(Item, method="json_mode").invoke(text)

def read_json_schema(text) -> Item:
    return model().with_structured_output(Item, method="json_schema").invoke(text)

def read_tools(text) -> Item:
    return model().with_structured_output(Item, method="function_calling").invoke(text)

def agent(strategy, text):
    made = create_agent(model(), tools=[], response_format=strategy)
    return made.invoke({"messages": [("user", text)]}, {"recursion_limit": 8})["structured_response"]

def read_agent_provider(text) -> Item:
    return agent(ProviderStrategy(Item), text)

def read_agent_tool(text) -> Item:
    return agent(ToolStrategy(Item), text)

def read_parsed(text) -> Item:
    return (model() | PydanticOutputParser(pydantic_object=Item)).invoke(text)
"""


def test_giving_up_is_an_answer(pytester: pytest.Pytester) -> None:
    """What it raises, or the None that it returns without a tool call, is recorded, and lost as invalid."""
    assert_gives_up(pytester, GIVES_UP)
