"""Tricks of a careless or dishonest pull request: each is red, or named where the reviewer looks.

The pull request made its prompt lose eight towns of twelve, which is red. Each trick tries to hide that from the most
careful run that docs/ci.md shows, and from its second step.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import LLM_EXTRACT
from people import FOLDER, PEOPLE, Project, answer_person, write_gold
from recorded import record_in
from repository import commit, git

RUN = (
    "--llm-extract-baseline=git:main",
    "--llm-extract-require-complete",
    "--llm-extract-require-baseline",
    "--llm-extract-json=results.json",
)
IDS = [f"p{i:02}" for i in range(12)]
FLOOR = "@pytest.mark.llm_accuracy(0.9)\n"
LOSES = PEOPLE.replace("PROMPT", "lose 8").replace("@pytest.mark.llm_extract", FLOOR + "@pytest.mark.llm_extract")


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace a part of a file of the project."""

    def change(folder: Path) -> None:
        path = folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def write(name: str, text: str) -> Callable[[Path], None]:
    """Write a file into the project."""

    def change(folder: Path) -> None:
        (folder / name).write_text(text)

    return change


def gold(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Path], None]:
    """Change the rows of the golden data."""

    def rewrite(folder: Path) -> None:
        rows = [json.loads(line) for line in (folder / "gold.jsonl").read_text().splitlines()]
        change(rows)
        (folder / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))

    return rewrite


def marker(given: str) -> Callable[[Path], None]:
    """Give the marker a further argument."""
    return edit("test_items.py", 'cases="gold.jsonl"', f'cases="gold.jsonl", {given}')


def both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    """Several changes."""

    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def accepted(folder: Path) -> None:
    """What an acceptance of the losses in the branch leaves behind: its baseline, sealed as the plugin seals it."""
    from pytest_llm_extract.baseline.file import load

    path = folder / FOLDER / "baseline.jsonl"
    found = load(path, "baseline")
    assert found is not None
    cases = {case: entry for case, entry in found.entries.items() if case >= "p08"}
    history = (*found.history, {**found.history[-1], "n_cases": 4, "n_rows": 4})
    object.__setattr__(found, "entries", cases)
    object.__setattr__(found, "history", history)
    path.write_text(found.to_text())


def delete(name: str) -> Callable[[Path], None]:
    """Remove a file or a folder."""

    def change(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def relabel(rows: list[dict[str, Any]]) -> None:
    """Make gold of what the answers say."""
    for row in rows[:8]:
        row["expected"] = {"name": row["id"], "town": "Atlantis"}


class Trick(NamedTuple):
    """A change, and the pattern of the note that names it; None where it is red."""

    name: str
    change: Callable[[Path], None]
    note: str | None = None


IMPORT = edit("test_items.py", "import pytest\n", "import pytest\nfrom pytest_llm_extract import *\n")
LOW = edit("test_items.py", "llm_accuracy(0.9)", "llm_accuracy(0.1)")
WAIVED = edit(
    "test_items.py",
    FLOOR,
    '@pytest.mark.llm_gate(waive=[Waiver(field="town", reason="known", expires="2099-01-01")])\n',
)
NO_FLOOR = edit("test_items.py", FLOOR, "")
PATCH = """
def pytest_configure(config):
    import pytest_llm_extract.gate.decide as gate
    real = gate.decide
    def decide(suite):
        found = real(suite)
        return found._replace(verdict=gate.Verdict.PASS, reasons=(), doubts=(), notes=(), judge=())
    gate.decide = decide
"""
TRICKS = [
    Trick("nothing", lambda folder: None),
    Trick("floor lowered", LOW),
    Trick("floor removed", NO_FLOOR),
    Trick("waiver", WAIVED, "a waiver was added: field town until 2099-01-01 (known)"),
    Trick("alpha", both(NO_FLOOR, write("pytest.ini", "[pytest]\nllm_extract_alpha=1e-9\n")), "alpha: 0.05 → 1e-09"),
    Trick("true function", marker("compare={'town': lambda a, b: True}"), "rule of town: none → *"),
    Trick("low ratio", both(IMPORT, marker("compare={'town': Text(min_ratio=.01)}")), "rule of town: none → Text(*"),
    Trick(
        "broad aliases",
        both(IMPORT, marker("compare={'town': Aliases({'Bergen': ['Atlantis']})}")),
        "rule of town: none → Aliases(*",
    ),
    Trick(
        "constant validator",
        edit(
            "test_items.py",
            "    town: str | None = None\n",
            "    town: str | None = None\n    @__import__('pydantic').field_validator('town')\n"
            "    def same(cls, value): return 'x'\n",
        ),
        "code of test_items.Person.same: none → *",
    ),
    Trick("field removed", edit("test_items.py", "    town: str | None = None\n", "")),
    Trick("field ignored", both(IMPORT, marker("compare={'town': Ignore()}"))),
    Trick("gold made of answers", gold(relabel), "verdict without these changes: fail: *"),
    Trick("gold differs", gold(relabel), "gold differs in 8 cases (p00, *"),
    Trick("labels removed", gold(lambda rows: [row["expected"].pop("town") for row in rows]), None),
    Trick(
        "labels of the lost removed",
        gold(lambda rows: [row["expected"].pop("town") for row in rows[:8]]),
        "gold differs in 8 cases (p00, *",
    ),
    Trick("grouped", both(NO_FLOOR, gold(lambda rows: [row.update(group="g") for row in rows]))),
    Trick("cases removed", gold(lambda rows: rows.__delitem__(slice(0, 8)))),
    Trick(
        "cases removed and accepted",
        both(gold(lambda rows: rows.__delitem__(slice(0, 8))), accepted),
        "8 cases of the baseline removed (p00, *",
    ),
    Trick("cases renamed", gold(lambda rows: [row.update(id=f"q{n}") for n, row in enumerate(rows)])),
    Trick("deselected by an ini", write("pytest.ini", "[pytest]\naddopts = -k 'p08 or p09 or p10 or p11'\n")),
    Trick("collected only", write("pytest.ini", "[pytest]\naddopts = --collect-only\n")),
    Trick("planned only", write("pytest.ini", "[pytest]\naddopts = --llm-extract-plan\n")),
    Trick("accepted by an ini", write("pytest.ini", "[pytest]\naddopts = --llm-extract-accept\n")),
    Trick("other testpaths", both(write("pytest.ini", "[pytest]\ntestpaths = none\n"), lambda f: (f / "none").mkdir())),
    Trick("other files", write("pytest.ini", "[pytest]\npython_files = nothing_*.py\n")),
    Trick("cases deleted by a hook", write("conftest.py", "def pytest_collection_modifyitems(items): del items[:8]\n")),
    Trick("all deleted by a hook", write("conftest.py", "def pytest_collection_modifyitems(items): items.clear()\n")),
    Trick(
        "lost cases skipped by a hook",
        write(
            "conftest.py",
            "import pytest\ndef pytest_collection_modifyitems(items):\n"
            "    for item in items[:8]: item.add_marker(pytest.mark.skip)\n",
        ),
    ),
    Trick("xfail", edit("test_items.py", FLOOR, FLOOR + "@pytest.mark.xfail(reason='later')\n")),
    Trick(
        "module skipped",
        edit("test_items.py", "import pytest\n", "import pytest\npytest.skip(allow_module_level=True)\n"),
    ),
    Trick("suite skipped", edit("test_items.py", FLOOR, FLOOR + "@pytest.mark.skip\n")),
    Trick("module deleted", delete("test_items.py")),
    Trick("suite renamed", edit("test_items.py", "def test_items", "def test_people")),
    Trick("baseline deleted", delete(f"{FOLDER}/baseline.jsonl")),
    Trick("baseline edited", edit(f"{FOLDER}/baseline.jsonl", '"correct": 1', '"wrong": 1')),
    Trick("gate patched by a conftest", write("conftest.py", PATCH)),
    Trick(
        "killed before the end", write("conftest.py", "def pytest_runtestloop(session):\n    import os; os._exit(0)\n")
    ),
    Trick("exit status by a hook", write("conftest.py", "def pytest_sessionfinish(session): session.exitstatus = 0\n")),
    Trick(
        "gate's report dropped",
        write(
            "conftest.py",
            "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logreport(report):\n"
            "    report.outcome = 'passed'\n",
        ),
    ),
]


@pytest.fixture(scope="session")
def pull_request(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A branch of main whose prompt loses eight towns, committed and recorded; not accepted."""
    folder = tmp_path_factory.mktemp("request")
    write_gold(folder, dict.fromkeys(IDS, "Bergen"))
    (folder / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n")
    (folder / "test_items.py").write_text(LOSES.replace("lose 8", "read"))
    assert "13 passed" in record_in(folder, answer_person, "--llm-extract-accept")
    commit(folder, "base")
    git(folder, "checkout", "-qb", "change")
    (folder / "test_items.py").write_text(LOSES)
    assert "1 failed, 12 passed" in record_in(folder, answer_person)
    commit(folder, "another prompt")
    return folder


@pytest.fixture
def checkout(pull_request: Path, people: Project) -> Project:
    """Its work tree, for one trick."""
    for path in people.pytester.path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(pull_request, people.pytester.path, dirs_exist_ok=True)
    return people


@pytest.mark.slow
@pytest.mark.own_process
@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_trick_is_red_or_named(checkout: Project, trick: Trick) -> None:
    """Red in the run or in the step after it, or green with the note that names it."""
    trick.change(checkout.pytester.path)
    checkout.commit("trick")
    run = checkout.run(*RUN)
    after = checkout.pytester.run(LLM_EXTRACT, "merge", "--expect", "results.json")
    is_red = run.ret != 0 or after.ret != 0
    if trick.note is None:
        assert is_red
    else:
        run.stdout.fnmatch_lines([f"*{trick.note}"])
        assert run.ret == 0, "the trick hides nothing: it belongs among the red ones"
