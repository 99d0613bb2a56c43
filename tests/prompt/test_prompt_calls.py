"""Prompts on both APIs: requests, answers, and answers that are lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prompted import APIS, MODULE, case_of, echo, write
from recorded import record
from refused import refused
from standin import Reply, StandIn


@APIS
@pytest.mark.parametrize("kind", ["json_schema", "json_object", "tool"])
def test_api_and_response_format(bare: pytest.Pytester, api: str, kind: str) -> None:
    """Recorded over the API that was named, in the format that was named; replayed with the provider gone."""
    write(bare, f"api={api!r}, response_format={kind!r}")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        sent, paths = provider.requests[0], set(provider.paths)
    assert paths == {"/v1/chat/completions" if api == "chat" else "/v1/responses"}
    body = json.dumps(sent)
    assert ('"strict": true' in body) is (kind != "json_object")
    assert ('"additionalProperties": false' in body) is (kind != "json_object")
    assert ("tool_choice" in sent) is (kind == "tool")
    bare.runpytest_subprocess("--llm-extract-json=out.json").assert_outcomes(passed=3)
    assert case_of(bare)["model"] == "m-standin"


@APIS
def test_truncated_answer(bare: pytest.Pytester, api: str) -> None:
    """`maxTokens` limits both APIs, and an answer that reaches it is truncated, not wrong."""
    write(bare, f"api={api!r}")
    bare.path.joinpath("read.prompt.yml").write_text(
        "modelParameters: {maxTokens: 2}\nmessages: [{role: user, content: '{{input}}'}]\n"
    )
    module = bare.path / "test_items.py"
    module.write_text(module.read_text().replace("read.md", "read.prompt.yml"))
    with StandIn(echo) as provider:
        record(bare, provider)
    bare.runpytest_subprocess("--llm-extract-json=out.json").assert_outcomes(passed=3)
    assert case_of(bare)["status"] == "truncated"


def response(**changes: Any) -> dict[str, Any]:
    """A body of the Responses API."""
    return {"object": "response", "model": "m", "status": "completed", "error": None, "output": [], **changes}


REFUSAL = {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot read this."}]}
FILTERED = Reply(400, json.dumps({"error": {"message": "filtered", "code": "content_filter"}}))
LOST: dict[str, tuple[Any, str, str]] = {
    "refusal": (response(output=[REFUSAL]), "refused", "I cannot read this."),
    "filter": (
        response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        "refused",
        "content filter",
    ),
    "limit": (
        response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "truncated",
        "token limit",
    ),
    "nothing": (response(), "invalid", "no content"),
    "azure": (FILTERED, "refused", "filtered"),
}


@pytest.mark.parametrize("kind", LOST)
def test_responses_that_hold_no_answer(bare: pytest.Pytester, kind: str) -> None:
    """Refused, filtered, cut off or empty: kept in the cassette, and in every denominator."""
    answer, status, words = LOST[kind]
    write(bare, "api='responses'")
    with StandIn(lambda body: answer) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.runpytest_subprocess("--llm-extract-json=out.json").assert_outcomes(passed=3)
    assert case_of(bare)["status"] == status
    assert words in case_of(bare)["error"]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (response(status="failed", error={"code": "server_error", "message": "out of order"}), "*out of order*"),
        ({"choices": []}, "*the answer is not a response of the Responses API*"),
    ],
)
def test_responses_that_failed_are_not_recorded(bare: pytest.Pytester, answer: dict[str, Any], line: str) -> None:
    """A failed response is no answer of the model."""
    write(bare, "api='responses'")
    with StandIn(lambda body: answer) as provider:
        run = record(bare, provider)
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines([line])
    assert not list(bare.path.rglob("*.yaml"))


def test_extractor_on_the_responses_api(bare: pytest.Pytester) -> None:
    """Text, tokens and model of an extractor that calls it are read as well."""
    extra = """
from openai import OpenAI
client = OpenAI()
def read(text) -> Item:
    answer = client.responses.create(model="m", input=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.output_text)
"""
    write(bare, "", extra=extra)
    module = bare.path / "test_items.py"
    module.write_text(
        module.read_text().replace('schema=Item, prompt="read.md"', "extractor=read").replace(', model="m"', "")
    )
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.runpytest_subprocess("--llm-extract-json=out.json").assert_outcomes(passed=3)
    assert case_of(bare)["model"] == "m-standin"


MISTAKES = [
    ("schema='item.json'", "*no file 'item.json' in the rootdir*"),
    ("api='respnses'", "*no api 'respnses'*Did you mean 'responses'?*"),
    ("context='found'", "*context= is given, but read.md does not use {{context}}*"),
    ("prompt='context.md', context='fund'", "*context='fund': case 'c0' has no such column*"),
    ("examples='shot'", "*no file 'shot'*"),
    ("examples=[['a', {'nme': 'a'}]]", "*examples: 'a': expected.nme: *"),
    ("examples='found'", "*examples: of case 'c0' must be a list, got 'shelf 0'*"),
    ("examples='number'", "*examples: of case 'c0' must be a list, got 0*"),
    ("examples=['a']", "*an example must have `input` and `expected`, got 'a'*"),
    ("examples=[['doc 1', {'name': 'x'}]]", "*case 'c1' is its own example*"),
    ("schema=Blob, examples=[['a', {'name': b'\\xff'}]]", "*'a': the answer has bytes that are not text: *"),
    ("prompt='found.md', examples=[['a', {'name': 'x'}]]", "*'found' is undefined; the example has context, input*"),
]


def test_mistakes_are_one_line(bare: pytest.Pytester) -> None:
    """Collection errors that name the argument."""
    bare.makefile(".md", read="Read.", context="{{context}}", found="{{input}} {{found}}")
    modules = [MODULE.format(arguments=arguments, extra="") for arguments, _ in MISTAKES]
    for lines, (_, message) in zip(refused(bare, modules), MISTAKES, strict=True):
        pytest.LineMatcher(lines).fnmatch_lines([message])


def test_answer_with_an_error_takes_the_clients_way(bare: pytest.Pytester) -> None:
    """What a client makes of a refused request is the client's to say, on replay as when it was recorded."""
    write(bare, "")
    error = {"error": {"code": "content_filter", "message": "The prompt was filtered."}}
    with StandIn(lambda body: Reply(400, json.dumps(error))) as provider:
        record(bare, provider)
    run = bare.runpytest_subprocess("--llm-extract-json=out.json")
    run.stdout.fnmatch_lines(["*refused*"])
    assert case_of(bare)["status"] == "refused"
    assert "HTTP 400" in case_of(bare)["error"]
    assert "The prompt was filtered." in case_of(bare)["error"]


def test_an_expression_that_fails_is_the_prompts_mistake(bare: pytest.Pytester) -> None:
    """It names the prompt and the case."""
    write(bare, "", prompt="{{ 1 / 0 }}")
    run = bare.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*case 'c0': *read.md: cannot be rendered: ZeroDivisionError: division by zero*"])
