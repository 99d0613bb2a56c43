"""Prompt suites: both APIs, every response format, examples, context, files, clients, strict schemas."""

from __future__ import annotations

import base64
import enum
import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl
from recorded import record
from standin import Reply, StandIn

from pytest_llm_extract.errors import PromptError, UnsupportedFieldError
from pytest_llm_extract.prompt.prompt_file import load_prompt
from pytest_llm_extract.prompt.strict_schema import strict_json_schema

MODULE = """
import pytest
from pathlib import Path
from pydantic import BaseModel

class Item(BaseModel):
    name: str

class Blob(BaseModel):
    name: bytes

CASES = [
    {{"id": f"c{{i}}", "input": f"doc {{i}}", "expected": {{"name": f"doc {{i}}"}}, "found": f"shelf {{i}}",
     "number": i, "shots": [["bolt", {{"name": "bolt"}}]]}}
    for i in range(2)
]

{extra}
@pytest.mark.llm_extract(**dict(schema=Item, prompt="read.md", cases=CASES, model="m") | dict({arguments}))
def test_items(extraction):
    assert extraction.output.name == extraction.case.input
    assert extraction.raw == '{{"name": "' + extraction.output.name + '"}}'
    assert extraction.usage.input_tokens > 0 and extraction.usage.output_tokens > 0
"""
APIS = pytest.mark.parametrize("api", ["chat", "responses"])


def write(project: pytest.Pytester, arguments: str, *, prompt: str = "Read.", extra: str = "") -> None:
    """A suite of two cases with a prompt file."""
    project.path.joinpath("read.md").write_text(prompt)
    project.makepyfile(test_items=MODULE.format(arguments=arguments, extra=extra))


def echo(body: dict[str, Any]) -> str:
    """The last turn is the name."""
    return json.dumps({"name": (body.get("messages") or body["input"])[-1]["content"]})


def case_of(project: pytest.Pytester) -> dict[str, Any]:
    """The first case of out.json."""
    found: dict[str, Any] = json.loads((project.path / "out.json").read_text())["suites"][0]["cases"][0]
    return found


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
        ({"choices": []}, "*the answer is no response of the Responses API*"),
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


SHOTS = {
    "file": ("examples='shots.jsonl'", ""),
    "column": ("examples='shots'", ""),
    "callable": (
        "examples=shots",
        "def shots(case):\n    return [('bolt', Item(name='bolt'))]\n",
    ),
}


@pytest.mark.parametrize("kind", SHOTS)
def test_examples_go_before_the_document(bare: pytest.Pytester, kind: str) -> None:
    """Pairs as user and assistant turns, worded as the document is."""
    arguments, extra = SHOTS[kind]
    write(bare, arguments, extra=extra)
    bare.makefile(".jsonl", shots=json.dumps({"id": "s0", "input": "bolt", "expected": {"name": "bolt"}}))
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        sent = next(body for body in provider.requests if body["messages"][-1]["content"] == "doc 1")
        turns = [(turn["role"], turn["content"]) for turn in sent["messages"]]
    assert turns == [("system", "Read."), ("user", "bolt"), ("assistant", '{"name": "bolt"}'), ("user", "doc 1")]
    bare.runpytest_subprocess().assert_outcomes(passed=3)


def test_changed_examples_are_stale_and_another_prompt(bare: pytest.Pytester) -> None:
    """The examples are part of the prompt: they are in the request, and in the prompt's fingerprint."""
    write(bare, "examples='shots.jsonl'")
    bare.makefile(".jsonl", shots=json.dumps({"id": "s0", "input": "bolt", "expected": {"name": "bolt"}}))
    with StandIn(echo) as provider:
        record(bare, provider, "--llm-extract-json=before.json").assert_outcomes(passed=3)
    bare.makefile(".jsonl", shots=json.dumps({"id": "s0", "input": "bolt", "expected": {"name": "Bolt"}}))
    run = bare.runpytest_subprocess("--llm-extract-json=after.json")
    run.stdout.fnmatch_lines(["STALE: messages changed (2 cases: c0, c1)", '*-{"name": "bolt"}', '*+{"name": "Bolt"}'])
    prompts = [
        json.loads((bare.path / name).read_text())["suites"][0]["prompt"] for name in ("before.json", "after.json")
    ]
    assert prompts[0]["fingerprint"] != prompts[1]["fingerprint"]


CONTEXTS = {
    "column": ("context='found'", ""),
    "callable": ("context=search", "def search(case):\n    return case.columns['found']\n"),
}


@pytest.mark.parametrize("kind", CONTEXTS)
def test_context(bare: pytest.Pytester, kind: str) -> None:
    """A column or a callable fills `{{context}}`."""
    arguments, extra = CONTEXTS[kind]
    write(bare, arguments, prompt="Read. Known: {{context}}", extra=extra)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        assert sorted(sent["messages"][0]["content"] for sent in provider.requests) == [
            "Read. Known: shelf 0",
            "Read. Known: shelf 1",
        ]
    bare.runpytest_subprocess().assert_outcomes(passed=3)


RETRIEVAL = """
import os, requests
def search(case):
    base = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    key = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    return requests.post(base + "/search", json={"query": case.input}, headers=key).json()["found"]
"""


def test_retrieval_is_recorded_with_its_case(bare: pytest.Pytester) -> None:
    """A context that is fetched over HTTP replays too, and nothing is fetched at collection."""
    write(bare, "context=search", prompt="Known: {{context}}", extra=RETRIEVAL)
    with StandIn(lambda body: {"found": "shelf 7"} if "query" in body else echo(body)) as provider:
        bare.runpytest_subprocess("--collect-only").assert_outcomes()
        assert provider.requests == []
        record(bare, provider).assert_outcomes(passed=3)
        sent = next(body for body in provider.requests if "messages" in body)
        assert sent["messages"][0]["content"] == "Known: shelf 7"
    bare.runpytest_subprocess().assert_outcomes(passed=3)


def test_files_as_examples(bare: pytest.Pytester) -> None:
    """An example's input may be a file as well."""
    shots = "[[Path(__file__).parent / 'shot.png', {'name': 'x'}]]"
    write(bare, f"examples={shots}")
    bare.path.joinpath("shot.png").write_bytes(PIXELS)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        assert provider.requests[0]["messages"][1]["content"][0]["type"] == "image_url"
    bare.runpytest_subprocess().assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("arguments", "prompt", "line"),
    [
        ("schema='item.json'", "Read.", "*no file 'item.json' in the rootdir*"),
        ("api='respnses'", "Read.", "*no api 'respnses'*Did you mean 'responses'?*"),
        ("context='found'", "Read.", "*context= is given, but read.md never says {{context}}*"),
        ("context='fund'", "{{context}}", "*context='fund': case 'c0' has no such column*"),
        ("examples='shot'", "Read.", "*no file 'shot'*"),
        ("examples=[['a', {'nme': 'a'}]]", "Read.", "*examples: 'a': expected.nme: *"),
        ("examples='found'", "Read.", "*examples: of case 'c0' are a list, not 'shelf 0'*"),
        ("examples='number'", "Read.", "*examples: of case 'c0' are a list, not 0*"),
        ("examples=['a']", "Read.", "*an example has `input` and `expected`, unlike 'a'*"),
        ("examples=[['doc 1', {'name': 'x'}]]", "Read.", "*case 'c1' is its own example*"),
        (
            "schema=Blob, examples=[['a', {'name': b'\\xff'}]]",
            "Read.",
            "*'a': the answer has bytes that are no text: *",
        ),
        (
            "examples=[['a', {'name': 'x'}]]",
            "{{input}} {{found}}",
            "*'found' is undefined; the example has context, input*",
        ),
    ],
)
def test_mistakes_are_one_line(bare: pytest.Pytester, arguments: str, prompt: str, line: str) -> None:
    """Collection errors that name the argument."""
    write(bare, arguments, prompt=prompt)
    run = bare.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines([line])
    assert "Traceback" not in run.stdout.str()


CLIENT = """
import pytest, openai
@pytest.fixture(scope="session")
def llm_client():
    return openai.{client}
"""
AZURE = "api_key='loopback-only', api_version='2024-10-21', azure_endpoint={url!r}"
CLIENTS = {
    "azure": ("chat", f"AzureOpenAI({AZURE})", "/openai/deployments/m/chat/completions?api-version=2024-10-21"),
    "azure deployment": (
        "chat",
        f"AzureOpenAI({AZURE}, azure_deployment='ours')",
        "/openai/deployments/ours/chat/completions?api-version=2024-10-21",
    ),
    "azure responses": ("responses", f"AzureOpenAI({AZURE})", "/openai/responses?api-version=2024-10-21"),
    "compatible": ("chat", "OpenAI(api_key='loopback-only', base_url={url!r} + '/llm')", "/llm/chat/completions"),
}


@pytest.mark.parametrize("kind", CLIENTS)
def test_own_client(bare: pytest.Pytester, kind: str) -> None:
    """A project's `llm_client` goes where that client goes; replay needs neither server nor key."""
    api, client, path = CLIENTS[kind]
    write(bare, f"api={api!r}")
    with StandIn(echo) as provider:
        bare.makeconftest(CLIENT.format(client=client.format(url=provider.base_url.removesuffix("/v1"))))
        record(bare, provider).assert_outcomes(passed=3)
        assert set(provider.paths) == {path}
    bare.runpytest_subprocess().assert_outcomes(passed=3)
    stored = "".join(path.read_text() for path in bare.path.rglob("*.yaml"))
    assert "loopback-only" not in stored


BROKEN = """
def broken(*arguments, **options):
    raise RuntimeError("a client is at work")
openai.OpenAI.post = broken
"""
FILTER = """
def pytest_llm_extract_vcr(vcr):
    vcr.filter_headers = ["x-tenant"]
"""


@APIS
@pytest.mark.parametrize("extra", ["", FILTER, CLIENT.format(client="OpenAI()")], ids=["none", "filter", "own client"])
def test_default_client_takes_no_part_in_a_replay(bare: pytest.Pytester, api: str, extra: str) -> None:
    """It has nothing to add; a project's own client, and filters, may have: then the request takes the whole way."""
    write(bare, f"api={api!r}")
    bare.makeconftest(f"import openai{extra}")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.makeconftest(f"import openai{extra}{BROKEN}")
    run = bare.runpytest_subprocess()
    run.assert_outcomes(**({"failed": 3} if extra else {"passed": 3}))
    assert ("a client is at work" in run.stdout.str()) is bool(extra)


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


def test_async_client_is_refused(bare: pytest.Pytester) -> None:
    """One line, and no coroutine that nobody awaits."""
    write(bare, "")
    bare.makeconftest(CLIENT.format(client="AsyncOpenAI(api_key='loopback-only')"))
    with StandIn(echo) as provider:
        run = record(bare, provider)
        assert provider.requests == []
    run.stdout.fnmatch_lines(["*llm_client is AsyncOpenAI, but prompts are sent synchronously*"])
    assert "never awaited" not in run.stdout.str()


FILES = """
CASES = [{{"id": "c0", "input": Path(__file__).parent / {name!r}, "expected": {{"name": "x"}}}}]
"""
PIXELS = bytes(range(256))


@APIS
@pytest.mark.parametrize("name", ["scan.png", "scan.pdf"])
def test_file_becomes_a_part_of_the_message(bare: pytest.Pytester, api: str, name: str) -> None:
    """The provider gets the whole file, the cassette its sha256, and another file is stale."""
    write(bare, f"api={api!r}", prompt="Read this:\n{{input}}", extra=FILES.format(name=name))
    module = bare.path / "test_items.py"
    module.write_text(
        module.read_text().replace("extraction.output.name == extraction.case.input", "extraction.output.name")
    )
    bare.path.joinpath(name).write_bytes(PIXELS)
    with StandIn(lambda body: '{"name": "x"}') as provider:
        record(bare, provider).assert_outcomes(passed=2)
        text, part = (provider.requests[0].get("messages") or provider.requests[0]["input"])[0]["content"]
    encoded = base64.b64encode(PIXELS).decode()
    assert text["text"].strip() == "Read this:"
    assert encoded in json.dumps(part)
    assert (
        part["type"]
        == {
            "chat scan.png": "image_url",
            "chat scan.pdf": "file",
            "responses scan.png": "input_image",
            "responses scan.pdf": "input_file",
        }[f"{api} {name}"]
    )
    stored = next(bare.path.rglob("*.yaml")).read_text()
    assert encoded not in stored
    assert f";base64,sha256:{hashlib.sha256(PIXELS).hexdigest()}" in stored
    bare.runpytest_subprocess().assert_outcomes(passed=2)
    bare.path.joinpath(name).write_bytes(PIXELS[::-1])
    bare.runpytest_subprocess().stdout.fnmatch_lines(["STALE: messages changed (1 case: c0)"])


@pytest.mark.parametrize(
    "prompt", ["{{ (input) }}", "{% set doc = input %}{{ doc }}", "{# {{input}} #}", "Read {input}."]
)
def test_file_is_sent_once(bare: pytest.Pytester, prompt: str) -> None:
    """However the template names the document; a comment does not name it."""
    write(bare, "", prompt=prompt, extra=FILES.format(name="scan.pdf"))
    bare.path.joinpath("scan.pdf").write_bytes(PIXELS)
    with StandIn(lambda body: '{"name": "x"}') as provider:
        record(bare, provider)
        assert json.dumps(provider.requests[0]["messages"]).count('"type": "file"') == 1


@pytest.mark.parametrize(
    "prompt",
    [
        "Read this: {{ input | tojson }}",
        "{{ input | upper }}",
        "{{ input[1:] }}",
        "{{ input | length }}",
        "{{ input }} {{ input | upper }}",
        "{% filter upper %}Read {{ input }}{% endfilter %}",
    ],
)
def test_file_can_only_be_sent_as_it_is(bare: pytest.Pytester, prompt: str) -> None:
    """A filter would leave nothing of it: an error that names the prompt, the case and what to write."""
    write(bare, "", prompt=prompt, extra=FILES.format(name="scan.pdf"))
    bare.path.joinpath("scan.pdf").write_bytes(PIXELS)
    run = bare.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*case 'c0': *read.md: scan.pdf is no text *: write {{input}} by itself*"])


def test_file_that_the_prompt_leaves_out(bare: pytest.Pytester) -> None:
    """A template may choose to send something else of a case."""
    prompt = "{% if id == 'c0' %}Its text: bolt{% else %}{{ input }}{% endif %}"
    write(bare, "", prompt=prompt, extra=FILES.format(name="scan.pdf"))
    bare.path.joinpath("scan.pdf").write_bytes(PIXELS)
    with StandIn(lambda body: '{"name": "x"}') as provider:
        record(bare, provider)
        assert provider.requests[0]["messages"] == [{"role": "user", "content": "Its text: bolt"}]


PROMPT_FILE = "messages: [{role: user, content: '{{input}}'}]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("messages: [{role: user, content: Read.}]", "every case would send the same request: write {{input}} where*"),
        (f"{PROMPT_FILE}jsonSchema: '{{}}'", "jsonSchema: the answer's schema is that of schema=; remove the key"),
        (f"{PROMPT_FILE}responseFormat: text", "responseFormat: answers are JSON, not text; remove it, *json_schema*"),
        (f"{PROMPT_FILE}nme: x", "unknown key 'nme'. Did you mean 'name'?"),
        (f"model: a\n{PROMPT_FILE}model: b", "line 3: key 'model' is written twice"),
        (f"{PROMPT_FILE}---\na: 1", "line 2: holds more than one document"),
        ("messages:\n- role: user\n  content: {{input}}", "line 3: a key is a text; quote a text that begins with {{"),
        ("messages: [", "line 2: is not YAML: *"),
        (
            f"{PROMPT_FILE}modelParameters: {{stop: 2024-01-31}}",
            "modelParameters.stop: '2024-01-31' is read as datetime.date(2024, 1, 31) by some; *",
        ),
        (
            f"{PROMPT_FILE}modelParameters: {{temperature: .5}}",
            "modelParameters.temperature: '.5' is read as 0.5 by some; *",
        ),
        (f"{PROMPT_FILE}modelParameters: {{stop: 2024-13-31}}", "is not YAML: month must be in 1..12"),
        (f"{PROMPT_FILE}modelParameters: [1]", "modelParameters is a mapping"),
    ],
)
def test_unusable_prompt_file_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    """It says what to do next."""
    path = tmp_path / "read.prompt.yml"
    path.write_text(text)
    with pytest.raises(PromptError) as caught:
        load_prompt(path)
    assert fnmatch(str(caught.value), f"{path}: {problem}")


def test_parameters_of_a_prompt_file(tmp_path: Path) -> None:
    """Sent as JSON has them, under the API's names."""
    path = tmp_path / "read.prompt.yml"
    path.write_text(f"{PROMPT_FILE}modelParameters: {{topP: 0.5, stop: ['2024-01-31', 'no'], seed: 7, store: false}}\n")
    assert load_prompt(path).parameters == {"top_p": 0.5, "stop": ["2024-01-31", "no"], "seed": 7, "store": False}


def test_text_file_is_its_text(bare: pytest.Pytester) -> None:
    """A path to a text is the text; a path to nothing is a collection error."""
    write(bare, "", extra=FILES.format(name="doc.eml"))
    bare.path.joinpath("doc.eml").write_text("x")
    module = bare.path / "test_items.py"
    module.write_text(
        module.read_text().replace("extraction.output.name == extraction.case.input", "extraction.output.name")
    )
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=2)
        assert provider.requests[0]["messages"][-1]["content"] == "x"
    bare.path.joinpath("doc.eml").unlink()
    run = bare.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*case 'c0': *doc.eml*"])


def test_file_belongs_into_a_user_message(bare: pytest.Pytester) -> None:
    """The provider takes no images in system messages."""
    write(bare, "", extra=FILES.format(name="scan.png"))
    bare.path.joinpath("scan.png").write_bytes(PIXELS)
    bare.path.joinpath("read.prompt.yml").write_text("messages: [{role: system, content: '{{input}}'}]\n")
    module = bare.path / "test_items.py"
    module.write_text(module.read_text().replace("read.md", "read.prompt.yml"))
    bare.runpytest_subprocess().stdout.fnmatch_lines(["*scan.png is no text: name {{input}} in a user message*"])


class Colour(enum.Enum):
    RED = "red"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Accepted(BaseModel):
    """Every feature that the provider takes, or that can be said without what it refuses."""

    amount: Decimal = Decimal(0)
    short: Annotated[str, Field(min_length=1, max_length=3)]
    code: Annotated[str, Field(pattern="^[A-Z]+$")]
    share: Annotated[float, Field(ge=0, le=1, multiple_of=0.5)]
    tags: set[str]
    pair: Annotated[list[int], Field(min_length=2, max_length=2)]
    site: HttpUrl
    mixed: Literal["a", 1, None]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    colour: Colour = Field(Colour.RED, description="of the lid")
    default: str = Field("x", alias="Default")
    parent: Accepted | None = None


def keywords(node: Any) -> set[str]:
    """Every keyword of a schema, names of properties aside."""
    if isinstance(node, list):
        return set().union(*map(keywords, node))
    if not isinstance(node, dict):
        return set()
    named = [value for key in ("properties", "$defs") for value in node.get(key, {}).values()]
    rest = [value for key, value in node.items() if key not in ("properties", "$defs")]
    return set(node) | keywords(named) | keywords(rest)


def test_strict_schema_holds_what_the_provider_takes() -> None:
    """Refused keywords are gone, what may stay has stayed, and every property is required."""
    schema = strict_json_schema(Accepted)
    properties = schema["properties"]
    assert not keywords(schema) & {
        "oneOf",
        "discriminator",
        "default",
        "minLength",
        "maxLength",
        "uniqueItems",
        "allOf",
    }
    assert schema["required"] == list(properties)
    assert schema["additionalProperties"] is schema["$defs"]["Cat"]["additionalProperties"] is False
    assert properties["code"]["pattern"] == "^[A-Z]+$"
    assert (properties["share"]["minimum"], properties["share"]["multipleOf"]) == (0, 0.5)
    assert properties["pair"]["maxItems"] == 2
    assert "format" not in properties["site"]
    assert properties["mixed"]["type"] == ["string", "integer", "null"]
    assert properties["pet"]["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert properties["colour"]["description"] == "of the lid"
    assert properties["colour"]["enum"] == ["red"]
    assert "Default" in properties
    lookahead = Annotated[str, Field(json_schema_extra={"pattern": r"^(?!\s*$)\d*$"})]
    assert "pattern" not in keywords(strict_json_schema(type("M", (BaseModel,), {"__annotations__": {"x": lookahead}})))


class Node(BaseModel):
    value: int
    next: Node = Field(description="the one behind it")


def test_strict_schema_of_a_model_that_holds_itself() -> None:
    """What is said of a field stays, once, and the rest refers to the definition."""
    schema = strict_json_schema(Node)
    behind = schema["properties"]["next"]
    assert behind["description"] == "the one behind it"
    assert behind["properties"]["next"] == {"$ref": "#/$defs/Node"}
    assert behind["additionalProperties"] is False


class Money:
    """No pydantic type."""


class Loose(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    money: Money | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Row(BaseModel):
    attrs: dict[str, int]


class Refused(BaseModel):
    rows: list[Row] = []


@pytest.mark.parametrize(
    ("annotation", "line"),
    [
        (dict[str, int], "field 'x' allows keys of any name"),
        (Any, "field 'x' takes any value"),
        (list[Any], r"field 'x\[\]' takes any value"),
        (list, r"field 'x\[\]' takes any value"),
        (tuple[int, str], "field 'x' is a tuple"),
        (Open | None, "field 'x' allows keys of any name"),
        (list[Loose], r"field 'x\[\].money' is of a type that has no JSON Schema: IsInstanceSchema \(.*Money"),
        (Callable[[int], int], "field 'x' is of a type that has no JSON Schema: CallableSchema"),
        (Refused, r"field 'x.rows\[\].attrs' allows keys of any name"),
    ],
)
def test_strict_schema_names_the_field_that_it_cannot_hold(annotation: Any, line: str) -> None:
    """A path as floors have it."""
    model = type("M", (BaseModel,), {"__annotations__": {"x": annotation}})
    with pytest.raises(UnsupportedFieldError, match=line):
        strict_json_schema(model)


@pytest.mark.parametrize(("kind", "passed"), [("json_schema", 0), ("tool", 0), ("json_object", 3)])
def test_free_form_field_is_a_collection_error(bare: pytest.Pytester, kind: str, passed: int) -> None:
    """One line with the field and the way out, which works."""
    write(bare, f"response_format={kind!r}")
    module = bare.path / "test_items.py"
    module.write_text(module.read_text().replace("    name: str\n", "    name: str\n    attrs: dict[str, int] = {}\n"))
    with StandIn(echo) as provider:
        run = record(bare, provider)
    run.assert_outcomes(passed=passed, errors=0 if passed else 1)
    if not passed:
        run.stdout.fnmatch_lines([f"*response_format={kind!r}: field 'attrs' allows keys of any name*'json_object'*"])


CHANGED = {
    "method": "llm_client.post = functools.partial(seeded, llm_client.post)",
    "hook": "llm_client._client.event_hooks = {'request': [stop]}",
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_default_client_that_was_changed_takes_part(bare: pytest.Pytester, kind: str) -> None:
    """A fixture may change it in place: then it is the project's own."""
    write(bare, "")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.makeconftest(f"""
        import functools, pytest
        def seeded(post, path, *, body, **rest):
            return post(path, body=body | {{"seed": 7}}, **rest)
        def stop(request):
            raise RuntimeError("a hook is at work")
        @pytest.fixture(scope="session")
        def llm_client(llm_client):
            {CHANGED[kind]}
            return llm_client
    """)
    run = bare.runpytest_subprocess()
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines(["*stale: parameters changed*" if kind == "method" else "*a hook is at work*"])


def test_an_expression_that_fails_is_the_prompts_mistake(bare: pytest.Pytester) -> None:
    """It names the prompt and the case."""
    write(bare, "", prompt="{{ 1 / 0 }}")
    run = bare.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*case 'c0': *read.md: cannot be rendered: ZeroDivisionError: division by zero*"])
