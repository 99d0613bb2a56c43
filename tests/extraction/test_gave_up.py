"""What an extractor raises after a whole answer of the model is recorded; the answer says what it means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest
from openai import OpenAI
from recorded import record
from standin import Reply, StandIn

from pytest_llm_extract.cassette.file.answer_summary import AnswerSummary
from pytest_llm_extract.extraction.exception_status import status_of
from pytest_llm_extract.results.case_result import Usage

MODULE = """
import json, pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

class UnexpectedModelBehavior(Exception): pass

TOOLS = [{"type": "function", "function": {"name": "Item", "parameters": Item.model_json_schema()}}]

def read(text) -> Item:
    answer = OpenAI(max_retries=0).chat.completions.create(
        model="m", seed=7, messages=[{"role": "user", "content": text}],
        tools=TOOLS if text == "text for a call" else [])
    message = answer.choices[0].message
    if text.startswith("hidden"):
        return None
    if text == "gave up":
        raise UnexpectedModelBehavior("exceeded maximum retries (1)")
    if text in ("no call", "text for a call"):
        return Item.model_validate_json(message.tool_calls[0].function.arguments)
    if text == "no key":
        return Item(name=json.loads(message.content)["name"])
    if text == "own bug":
        return Item(name=message.contents)
    if text == "own doubt":
        raise ValueError("a bolt is not a name")
    if answer.choices[0].finish_reason == "length" or message.refusal:
        raise RuntimeError("no usable answer")
    return Item.model_validate_json(message.content)

IDS = ["right", "gave up", "no call", "text for a call", "no key", "own bug", "own doubt", "cut off", "refused",
       "too long", "hidden", "hidden cut off", "hidden refused"]
CASES = [{"id": id, "input": id, "expected": {"name": "bolt"}} for id in IDS]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output
"""
STATUSES = {
    "right": "ok",
    "gave up": "invalid",
    "no call": "invalid",
    "text for a call": "invalid",
    "no key": "invalid",
    "own bug": "error",
    "own doubt": "error",
    "cut off": "truncated",
    "refused": "refused",
    "too long": "rejected",
    "hidden": "invalid",
    "hidden cut off": "truncated",
    "hidden refused": "refused",
}


def answer(body: dict[str, Any]) -> dict[str, Any] | Reply:
    """A chat completion that is whole, whatever the extractor makes of it."""
    asked = body["messages"][-1]["content"]
    if asked == "too long":
        return Reply(400, json.dumps({"error": {"message": "too long", "code": "context_length_exceeded"}}))
    content = {"no call": "It is a bolt.", "no key": '{"title": "bolt"}', "cut off": '{"na'}.get(
        asked, '{"name": "bolt"}'
    )
    message = {"role": "assistant", "content": content, "refusal": "No." if asked.endswith("refused") else None}
    finish = "length" if asked.endswith("cut off") else "stop"
    return {"model": "m-1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def statuses(path: Path) -> dict[str, str]:
    """The status of each case in results.json."""
    return {case["id"]: case["status"] for case in json.loads(path.read_text())["suites"][0]["cases"]}


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_every_whole_answer_is_recorded_and_replays_to_the_same_status(pytester: pytest.Pytester, workers: str) -> None:
    """Only the extractor's own bugs fail their tests, offline too; once they are fixed, nothing is asked again."""
    pytester.makepyfile(test_items=MODULE)
    with StandIn(answer) as provider:
        record(pytester, provider, "--llm-extract-json=out.json", workers).assert_outcomes(passed=12, failed=2)
    assert statuses(pytester.path / "out.json") == STATUSES
    replayed = pytester.runpytest_subprocess("--llm-extract-json=out.json", workers)
    replayed.assert_outcomes(passed=12, failed=2)
    replayed.stdout.fnmatch_lines(["*AttributeError: *contents*", "note: one seed (7) for all cases: *"])
    assert statuses(pytester.path / "out.json") == STATUSES
    pytester.makepyfile(test_items=MODULE.replace("contents", "content").replace("raise ValueError", "print"))
    pytester.runpytest_subprocess("--llm-extract-json=out.json", workers).assert_outcomes(passed=14)
    assert len(provider.requests) == len(STATUSES)


def raised(function: Any) -> Exception:
    """What a call raises."""
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


class AdapterParseError(Exception):
    """As dspy raises it."""


class OutputParserException(ValueError):
    """As langchain raises it."""


NOTHING: Any = None
ANSWERED = AnswerSummary(by_model={"m": Usage(1, 1)}, content="It is a bolt.", finish_reason="stop")


@pytest.mark.parametrize(
    ("error", "facts", "status"),
    [
        (AdapterParseError("no field"), {}, "invalid"),
        (OutputParserException("no JSON"), {}, "invalid"),
        (raised(lambda: pydantic.TypeAdapter(int).validate_python("x")), {}, "invalid"),
        (RuntimeError("gave up"), {"finish_reason": "length"}, "truncated"),
        (AdapterParseError("no field"), {"finish_reason": "length"}, "truncated"),
        (KeyError("total"), {"finish_reason": "content_filter"}, "refused"),
        (KeyError("total"), {"refusal": "I cannot"}, "refused"),
        (RuntimeError("HTTP 400"), {"rejected": "HTTP 400: too long"}, "rejected"),
        (raised(lambda: NOTHING[0]), {}, "invalid"),
        (raised(lambda: NOTHING.arguments), {}, "invalid"),
        (raised(lambda: [][0]), {}, "invalid"),
        (ValueError("no date"), {}, "invalid"),
        (raised(lambda: next(iter(()))), {}, "invalid"),
        (RuntimeError("no message content"), {"content": None}, "invalid"),
        (RuntimeError("no message content"), {"content": " \n"}, "invalid"),
        (raised(lambda: "".totl), {"content": None}, "error"),  # type: ignore[attr-defined]
        (OSError("disk full"), {"content": None}, "error"),
        (raised(lambda: len(3)), {}, "error"),  # type: ignore[arg-type]
        (raised(lambda: "".totl), {}, "error"),  # type: ignore[attr-defined]
        (raised(lambda: missing_name), {"finish_reason": "length"}, "error"),  # type: ignore[name-defined]  # noqa: F821
        (RuntimeError("no shelf"), {}, "error"),
        (KeyError("total"), {"by_model": {}}, "error"),
    ],
)
def test_the_answer_is_asked_before_the_exception(error: Exception, facts: dict[str, Any], status: str) -> None:
    """A lookup that fails on an answer which does not fit the schema is the answer's fault; broken code is not."""
    assert status_of(error, ANSWERED._replace(**facts), lambda text: False) == status


class MaxTurnsExceeded(Exception):
    """As openai-agents raises it."""


def wrapped(error: Exception, cause: Exception) -> Exception:
    """`raise error from cause`, as libraries do."""
    error.__cause__ = cause
    return error


NO_NUMBER = raised(lambda: pydantic.TypeAdapter(int).validate_python("x"))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (wrapped(RuntimeError("not read"), NO_NUMBER), "invalid"),
        (wrapped(RuntimeError("gave up"), wrapped(RuntimeError("not read"), NO_NUMBER)), "invalid"),
        (wrapped(RuntimeError("gave up"), raised(lambda: json.loads("It"))), "invalid"),
        (wrapped(RuntimeError("gave up"), MaxTurnsExceeded("10")), "invalid"),
        (wrapped(RuntimeError("no shelf"), OSError("down")), "error"),
        (wrapped(NameError("missing_name"), NO_NUMBER), "error"),
    ],
)
def test_what_is_raised_from_a_validation_error_is_about_the_answer(error: Exception, status: str) -> None:
    """Under any name, for an answer that fits too: langchain, mirascope, magentic and people wrap it."""
    assert status_of(error, ANSWERED, lambda text: True) == status


def test_a_lookup_that_fails_on_an_answer_that_fits_is_a_crash() -> None:
    """The schema takes the answer, so the extractor is wrong."""
    assert status_of(KeyError("total"), ANSWERED, lambda text: True) == "error"


TOOL = [{"name": "Item"}]


@pytest.mark.parametrize(
    ("request_body", "error", "status"),
    [
        ({"tools": TOOL}, IndexError("list index out of range"), "invalid"),
        ({"tools": TOOL, "tool_choice": "auto"}, raised(lambda: NOTHING[0]), "invalid"),
        ({"tools": TOOL, "tool_choice": {"type": "auto"}}, raised(lambda: NOTHING[0]), "invalid"),
        ({"toolConfig": {"tools": TOOL, "toolChoice": {"auto": {}}}}, raised(lambda: NOTHING.name), "invalid"),
        ({"functions": TOOL}, raised(lambda: NOTHING.arguments), "invalid"),
        ({"tools": TOOL}, raised(lambda: OpenAI(api_key="x").files.retrieve("")), "invalid"),  # of a library
        ({"tools": TOOL}, raised(lambda: dict[str, int]()["total"]), "error"),  # of the project
        ({"tools": []}, raised(lambda: NOTHING[0]), "error"),
        ({"tools": TOOL, "tool_choice": "none"}, raised(lambda: NOTHING[0]), "error"),
        ({"tools": TOOL, "tool_choice": "required"}, ValueError("expected a tool call"), "invalid"),
        ({"tools": TOOL, "tool_choice": {"type": "tool", "name": "Item"}}, StopIteration(), "invalid"),
        ({"tools": TOOL, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, KeyError("x"), "invalid"),
        ({"toolConfig": {"tools": TOOL, "toolChoice": {"any": {}}}}, KeyError("x"), "invalid"),
        ({"tools": TOOL, "tool_choice": "required"}, RuntimeError("no shelf"), "error"),
    ],
)
def test_a_text_instead_of_a_call_is_not_what_was_asked_for(
    request_body: dict[str, Any], error: Exception, status: str
) -> None:
    """Small models write the JSON into the text. Where the call was forced, it is the answer's fault in any case."""
    assert status_of(error, ANSWERED, lambda text: True, json.dumps(request_body).encode()) == status
