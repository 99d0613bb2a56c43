"""Files as documents of a prompt."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from prompted import APIS, FILES, PIXELS, echo, write
from recorded import record
from standin import StandIn


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
    bare.runpytest_subprocess().stdout.fnmatch_lines(["STALE: document changed (1 case: c0)"])


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
    run.stdout.fnmatch_lines(["*case 'c0': *read.md: scan.pdf is not text *: write {{input}} by itself*"])


def test_file_that_the_prompt_leaves_out(bare: pytest.Pytester) -> None:
    """A template may choose to send something else of a case."""
    prompt = "{% if id == 'c0' %}Its text: bolt{% else %}{{ input }}{% endif %}"
    write(bare, "", prompt=prompt, extra=FILES.format(name="scan.pdf"))
    bare.path.joinpath("scan.pdf").write_bytes(PIXELS)
    with StandIn(lambda body: '{"name": "x"}') as provider:
        record(bare, provider)
        assert provider.requests[0]["messages"] == [{"role": "user", "content": "Its text: bolt"}]


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
    bare.runpytest_subprocess().stdout.fnmatch_lines(["*scan.png is not text: write {{input}} in a user message*"])
