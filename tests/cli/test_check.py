"""`llm-extract check`: one project with everything that can be wrong, and what is deleted of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import llm_extract
from standin import StandIn, said

from pytest_llm_extract.cli.check import CheckFinding, _summary

SECRET = "sk-proj-Abcdef0123456789Abcdef0123456789"
SUITE = """
import json, pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

client = OpenAI()

def read(text) -> Item:
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)

@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl")
def test_items(extraction): ...
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.Pytester]:
    """Three modules with a suite each, recorded."""
    write_gold(pytester, "fresh", "cut", "stale", "large", "leaky", "dropped")
    pytester.makepyfile(test_whole=SUITE, test_gone=SUITE, test_broken=SUITE)
    with StandIn(lambda body: json.dumps({"name": said(body)})) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=21)
        monkeypatch.delenv("OPENAI_API_KEY")
        connections = provider.connections
        yield pytester
        assert provider.connections == connections


def write_gold(project: pytest.Pytester, *names: str, **inputs: str) -> None:
    """Golden data of these cases; a case's document is its name unless it is given."""
    rows = [{"id": name, "input": inputs.get(name, name), "expected": {"name": name}} for name in names]
    (project.path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def check(project: pytest.Pytester, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the project."""
    return llm_extract("check", *arguments, cwd=project.path)


def cassette(project: pytest.Pytester, case: str, module: str = "test_whole") -> Path:
    """The file of a case."""
    (path,) = (project.path / "cassettes" / module).rglob(f"{case}-*.yaml")
    return path


def spoil(project: pytest.Pytester) -> dict[str, str]:
    """Let everything happen that can happen to cassettes; their paths as the command shows them, by case."""
    cut, large, leaky = (cassette(project, case) for case in ("cut", "large", "leaky"))
    cut.write_bytes(cut.read_bytes()[:700])
    large.write_text(large.read_text() + "# " + "x" * 20_000 + "\n")
    leaky.write_text(leaky.read_text().replace("application/json", f"application/json; key={SECRET}", 1))
    write_gold(project, "fresh", "cut", "stale", "large", "leaky", "new", stale="another document")
    (project.path / "test_gone.py").unlink()
    (project.path / "test_broken.py").write_text("import no_such_package\n")
    recording = project.path / "cassettes" / "test_gone" / "test_items.yaml"
    recording.write_text("interactions: []\nversion: 1\n")  # as pytest-recording names it
    names = ("cut", "large", "leaky", "dropped")
    return {case: str(cassette(project, case).relative_to(project.path)) for case in names}


@pytest.mark.slow
def test_everything_is_found_and_only_orphans_are_deleted(project: pytest.Pytester) -> None:
    """Stale, missing, unreadable, oversized, secret, orphaned; a module that fails to import keeps its cassettes."""
    assert check(project).stdout == "18 cassettes: nothing found\n"
    project.makeini("[pytest]\naddopts = -n2 -ra")
    paths = spoil(project)
    run = check(project, "--max-size=10")
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    suite = "test_whole.py::test_items (read)"
    assert f"stale       {suite}: 1 case (stale): document changed" in lines
    assert f"missing     {suite}: 1 case (new): no cassette; pytest --llm-record records it" in lines
    assert any(line.startswith(f"unreadable  {paths['cut']}: ") for line in lines)
    assert f"oversized   {paths['large']}: 21 KB, more than 10" in lines
    (secret,) = (line for line in lines if line.startswith("secret"))
    assert paths["leaky"] in secret
    assert SECRET not in run.stdout + run.stderr
    orphans = [line.split()[1].rstrip(":") for line in lines if line.startswith("orphaned")]
    assert len(orphans) == 1 + 6
    assert paths["dropped"] in orphans
    assert lines[-1] == "19 cassettes: 1 stale, 1 missing, 1 unreadable, 1 oversized, 1 secret, 7 orphaned"
    assert "test_broken.py: 6 cassettes, since it was not collected as a whole" in run.stderr
    assert "no_such_package" in run.stderr

    pruned = check(project, "--prune", "--max-size=10")
    assert pruned.returncode == 1
    assert sorted(line.split()[1] for line in pruned.stdout.splitlines() if line.startswith("deleted")) == orphans
    assert pruned.stdout.splitlines()[-1].startswith("12 cassettes: 1 stale")
    kept = {path.parent.parent.parent.name for path in (project.path / "cassettes").rglob("*-*.yaml")}
    assert kept == {"test_whole", "test_broken"}
    assert [path.name for path in (project.path / "cassettes" / "test_gone").iterdir()] == ["test_items.yaml"]
    assert len(list((project.path / "cassettes" / "test_whole").rglob("*.yaml"))) == 5
    again = check(project, "--max-size=10").stdout.splitlines()
    assert again == [line for line in pruned.stdout.splitlines()[:-1] if not line.startswith("deleted")] + [again[-1]]


def test_every_cassette_of_a_cause_counts() -> None:
    """One cause is one line, and the last line counts cassettes."""
    findings = [
        CheckFinding("stale", "12 cases", "document changed", 12),
        CheckFinding("stale", "1 case", "model changed"),
    ]
    assert _summary([Path("a.yaml")] * 20, findings, 0) == "20 cassettes: 13 stale"


@pytest.mark.slow
def test_paths_narrow_what_is_checked(project: pytest.Pytester) -> None:
    """A module that was not asked for keeps its orphans; one that cannot be collected is named, with exit status 1."""
    (project.path / "test_gone.py").write_text("def test_other(): ...\n")
    folder = cassette(project, "fresh").parent
    (folder / "nowhere.yaml").symlink_to("nowhere")
    (folder / "folder.jsonl").mkdir()
    run = check(project, "test_whole.py", "--prune")
    assert (run.returncode, run.stdout) == (0, "18 cassettes: nothing found\n")
    assert "test_gone.py: 6 cassettes, since it was not collected as a whole" in run.stderr
    assert check(project, "--prune").stdout.splitlines()[-1] == "12 cassettes: nothing found; 6 deleted"
    wrong = check(project, "no_such_folder")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert "no_such_folder" in wrong.stderr
    project.makeini("[pytest]\naddopts = -p no:llm_extract")
    assert "add `-p llm_extract`" in check(project).stderr
