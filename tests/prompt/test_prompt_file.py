"""What a prompt file may hold."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from pytest_llm_extract.errors import PromptError
from pytest_llm_extract.prompt.prompt_file import load_prompt

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
        (
            "messages:\n- role: user\n  content: {{input}}",
            "line 3: a key must be a string; quote a string that begins with {{",
        ),
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
        (f"{PROMPT_FILE}modelParameters: [1]", "modelParameters must be a mapping"),
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
