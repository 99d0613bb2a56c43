"""A variant for each instruction that is left out, and what the comparison says of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recorded import record
from standin import StandIn

from pytest_llm_extract.prompt.prompt_file import find_parts, leave_out, load_prompt

PROMPT = """Read the item.
Give the size as a number. Round it.
The colour is one word.
{% if id %}Case {{ id }}.{% endif %}
Be polite.
Be polite.
"""
MODULE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Variant, ablate

class Item(BaseModel):
    name: str
    size: int | None = None
    colour: str | None = None

CASES = [{"id": f"c{i}", "input": f"bolt{i} {i}", "expected": {"name": f"bolt{i}", "size": i}} for i in range(12)]

@pytest.mark.llm_extract(schema=Item, cases=CASES, prompt="items.md", model="m", variants=VARIANTS)
def test_items(extraction): ...
"""


def answer(body: dict[str, Any]) -> str:
    """The size is given only where the prompt asks for it; without politeness one name is lost."""
    instructions = body["messages"][0]["content"]
    name, _, size = body["messages"][-1]["content"].partition(" ")
    if "Read the item" not in instructions and size == "3":
        name = "?"
    return json.dumps({"name": name, "size": int(size) if "size" in instructions else None})


def write(project: pytest.Pytester, variants: str = "ablate()") -> None:
    """A suite whose prompt has five instructions."""
    project.path.joinpath("items.md").write_text(PROMPT)
    project.path.joinpath("test_items.py").write_text(MODULE.replace("VARIANTS", variants))


def test_what_each_line_brings(bare: pytest.Pytester) -> None:
    """Needed, unclear, untested, unnoticed; what holds a template stays; two equal lines have two names."""
    write(bare)
    with StandIn(answer) as provider:
        record(bare, provider, "--llm-extract-json=results.json").assert_outcomes(passed=12 * 6 + 1)
    wire = json.loads((bare.path / "results.json").read_text())
    assert [suite["variant"] for suite in wire["suites"]][1:] == [
        "no-read-the-item",
        "no-give-the-size-as-a-number.-round-it",
        "no-the-colour-is-one-word",
        "no-be-polite",
        "no-be-polite-2",
    ]
    found = {one["text"]: (one["found"], one["fields"]) for one in wire["comparison"][0]["instructions"]}
    assert found == {
        "Read the item.": ("unclear", ["name"]),
        "Give the size as a number. Round it.": ("needed", ["size"]),
        "The colour is one word.": ("untested", ["colour"]),
        "Be polite.": ("unnoticed", []),
    }
    run = bare.runpytest_subprocess()
    run.assert_outcomes(passed=12 * 6 + 1)
    run.stdout.fnmatch_lines(
        [
            "instructions, each left out in turn:",
            "  Give the size as a number. Round it.",
            "    needed: without it size is worse",
            "  The colour is one word.",
            "    untested: no case labels colour, which it names",
            "  Be polite.",
            "    nothing notices it: no outcome moves without it",
        ]
    )


def test_an_inserted_line_renames_nothing(bare: pytest.Pytester) -> None:
    """Names come from the words, so the cassettes of the other lines keep their folders."""
    write(bare, '[Variant("other", model="n"), ablate("items.md", by="sentence")]')
    listed = bare.runpytest_subprocess("--collect-only", "-q", "-k", "c3").outlines
    before = {line for line in listed if "no-" in line}
    bare.path.joinpath("items.md").write_text("Mind the units.\n" + PROMPT)
    after = {line for line in bare.runpytest_subprocess("--collect-only", "-q", "-k", "c3").outlines if "no-" in line}
    assert "test_items.py::test_items[no-round-it-c3]" in before
    assert after - before == {"test_items.py::test_items[no-mind-the-units-c3]"}
    assert before <= after


@pytest.mark.parametrize(
    ("by", "texts"),
    [
        ("line", ["Read it.", "Copy names. Use null!", "Answer in JSON"]),
        ("sentence", ["Read it.", "Copy names.", "Use null!", "Answer in JSON"]),
        ("message", ["Read it.\nCopy names. Use null!", "Answer in JSON"]),
    ],
)
def test_units(tmp_path: Path, by: str, texts: list[str]) -> None:
    """Each part is taken out by itself, a message that is empty then goes; the document stays."""
    path = tmp_path / "a.prompt.yml"
    path.write_text(
        "messages:\n- role: system\n  content: |-\n    Read it.\n    Copy names. Use null!\n"
        "- {role: user, content: Answer in JSON}\n- {role: user, content: 'Of: {{input}}'}\n"
    )
    prompt = load_prompt(path)
    parts = list(find_parts(prompt, path, by))
    assert [part.text for part in parts] == texts
    for part in parts:
        rest = leave_out(prompt, part)
        said = "\n".join(text for _, text in rest.written)
        assert part.text not in said
        assert "{{input}}" in said
        assert all(text.strip() for _, text in rest.written)
        assert rest.fingerprint != prompt.fingerprint
        assert rest.render({"input": "x"})[-1].content == "Of: x"


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ('ablate(by="word")', "no unit of an ablation 'word'. *line*"),
        ('ablate("item.md")', "no file 'item.md' *Did you mean 'items.md'?"),
        ('ablate("bare.md")', "ablate(): bare.md has no line that can be left out"),
    ],
)
def test_mistakes(bare: pytest.Pytester, variants: str, message: str) -> None:
    """One line that says what is wrong."""
    write(bare, variants)
    bare.path.joinpath("bare.md").write_text("{{ input }}")
    run = bare.runpytest_subprocess("--collect-only")
    run.stdout.fnmatch_lines([f"*test_items.py::test_items: llm_extract: {message}"])
