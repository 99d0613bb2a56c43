"""A suite of twelve people with an accepted baseline, which can be recorded under any prompt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from plain_http import ASK
from recorded import reachable, record_in
from repository import commit, git
from standin import StandIn

IDS = [f"p{i:02}" for i in range(12)]
FOLDER = "cassettes/test_items/test_items"
PEOPLE = (
    ASK
    + """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Gate, Waiver

class Person(BaseModel):
    name: str
    town: str | None = None

def read(text: str) -> Person:
    return Person.model_validate_json(ask(("system", "PROMPT"), ("user", text)))

@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl")
def test_items(extraction):
    pass
"""
)


def answer_person(body: dict[str, object]) -> str:
    """`name town`; the prompt says what to get wrong: `lose 3` spoils the towns of p00, p01 and p02."""
    messages = body["messages"]
    assert isinstance(messages, list)
    prompt, document = (message["content"] for message in messages)
    name, town = document.split()
    wrong = int(prompt.split()[1]) if prompt.startswith("lose") else 0
    return json.dumps({"name": name, "town": "Atlantis" if int(name[1:]) < wrong else town})


def write_gold(folder: Path, towns: dict[str, str]) -> None:
    """Golden data: who should be where."""
    rows = [
        {"id": case, "input": f"{case} Bergen", "expected": {"name": case, "town": town}}
        for case, town in towns.items()
    ]
    folder.joinpath("gold.jsonl").write_text("\n".join(map(json.dumps, rows)))


class Project:
    """A suite of twelve people that can be recorded under any prompt."""

    def __init__(self, pytester: pytest.Pytester, base_url: str) -> None:
        self.pytester, self.base_url, self.ids = pytester, base_url, IDS

    def write_gold(self, towns: dict[str, str]) -> None:
        write_gold(self.pytester.path, towns)

    def write_module(self, prompt: str = "read", marker: str = "") -> None:
        text = PEOPLE.replace("PROMPT", prompt).replace("def test_items", f"{marker}\ndef test_items")
        self.pytester.makepyfile(test_items=text)

    def record(self, prompt: str, *arguments: str, marker: str = "") -> pytest.RunResult:
        self.write_module(prompt, marker)
        with reachable(self.base_url):
            return self.pytester.runpytest_subprocess("--llm-record", *arguments)

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*arguments)

    @property
    def baseline(self) -> Path:
        return self.pytester.path / FOLDER / "baseline.jsonl"

    def git(self, *arguments: str) -> None:
        git(self.pytester.path, *arguments)

    def commit(self, message: str) -> None:
        commit(self.pytester.path, message)


@pytest.fixture(scope="session")
def accepted_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people, recorded under the prompt `read`, and accepted: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("people")
    write_gold(folder, dict.fromkeys(IDS, "Bergen"))
    folder.joinpath("test_items.py").write_text(PEOPLE.replace("PROMPT", "read"))
    said = record_in(folder, answer_person, "--llm-extract-accept")
    assert "13 passed" in said
    assert "accepted: 12 cases in cassettes/test_items/test_items/baseline.jsonl" in said
    return folder


@pytest.fixture
def people(accepted_people: Path, bare: pytest.Pytester) -> Iterator[Project]:
    """Twelve people with a baseline, and a provider to record other prompts from."""
    shutil.copytree(accepted_people, bare.path, dirs_exist_ok=True)
    with StandIn(answer_person) as provider:
        yield Project(bare, provider.base_url)


def rename_suite(people: Project) -> None:
    """Give the test another name, and its cassettes' folder with it."""
    module, folder = people.pytester.path / "test_items.py", people.baseline.parent
    module.write_text(module.read_text().replace("def test_items", "def test_people"))
    folder.rename(folder.with_name("test_people"))
