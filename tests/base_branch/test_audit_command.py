"""`llm-extract audit git:main`: what a branch changed about its own judge, without running a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import LLM_EXTRACT
from people import FOLDER, Project

from pytest_llm_extract.base_branch.cassettes import compare
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.save import cassette_text


@pytest.fixture
def branch(people: Project) -> Project:
    """Twelve people, accepted with floors and committed on main; the work tree is a branch of it."""
    (people.pytester.path / "conftest.py").write_text('"""Hooks."""\n')
    people.record("read", "--llm-extract-accept", marker="@pytest.mark.llm_accuracy(0.9)")
    (people.pytester.path / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n")
    people.commit("base")
    people.git("checkout", "-qb", "change")
    return people


def audit(people: Project, *arguments: str) -> pytest.RunResult:
    """Run the command."""
    return people.pytester.run(LLM_EXTRACT, "audit", *(arguments or ("git:main",)))


def edit(people: Project, name: str, old: str, new: str) -> None:
    """Replace a part of a file."""
    path = people.pytester.path / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def a_cassette(people: Project) -> str:
    """The name of the first case's cassette."""
    path = sorted((people.pytester.path / FOLDER).rglob("p00*.yaml"))[0]
    return path.relative_to(people.pytester.path).as_posix()


@pytest.mark.slow
def test_an_untouched_branch_has_nothing_to_say(branch: Project) -> None:
    """Exit status 0, and no test ran."""
    run = audit(branch)
    assert run.ret == 0
    run.stdout.fnmatch_lines(["nothing changed about the judge since git:main (*)"])


@pytest.mark.slow
def test_everything_about_the_judge_is_named(branch: Project) -> None:
    """One branch that does it all; the same as JSON."""
    edit(branch, "test_items.py", "llm_accuracy(0.9)", "llm_accuracy(0.5)\n@pytest.mark.xfail(reason='later')")
    edit(branch, "test_items.py", 'cases="gold.jsonl"', 'cases="gold.jsonl", ignore=["seed"]')
    rows = [json.loads(line) for line in (branch.pytester.path / "gold.jsonl").read_text().splitlines()]
    rows[0]["expected"]["town"] = "Oslo"
    rows[1]["group"] = "g"
    rows = [*rows[:11], {**rows[2], "id": "again"}]
    (branch.pytester.path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (branch.pytester.path / "pytest.ini").write_text("[pytest]\naddopts = -k p0\nllm_extract_alpha = 0.001\n")
    edit(
        branch, "conftest.py", "Hooks.", 'Hooks."""\ndef pytest_collection_modifyitems(items):\n    del items[3:]\n"""'
    )
    (branch.pytester.path / ".github").mkdir()
    (branch.pytester.path / ".github" / "ci.yml").write_text("on: push\n")
    edit(branch, a_cassette(branch), "Bergen", "Bergamo")
    edit(branch, f"{FOLDER}/anchor.jsonl", '"Bergen"', '"Oslo"')
    run = audit(branch)
    assert run.ret == 1
    run.stdout.fnmatch_lines_random(
        [
            "for every suite",
            "  the judge changed: pytest reads pytest.ini for its settings, not * as before",
            "  the judge changed: ini addopts: none → -k p0",
            "  the judge changed: ini llm_extract_alpha: none → 0.001",
            "  the judge changed: conftest.py: pytest_collection_modifyitems added",
            "  the judge changed: files of CI: .github/ci.yml",
            "  the judge changed: alpha: 0.05 → 0.001",
            "test_items.py::test_items",
            "  the judge changed: floor of name, town: 90% → 50%",
            '  the judge changed: ignore: [[]] → [[]"seed"[]]',
            "  the judge changed: markers: [[]] → [[]\"xfail(reason='later')\"[]]",
            "  the judge changed: gold differs in 1 case (p00)",
            "  the judge changed: groups differ in 1 case; * (p01)",
            "  the judge changed: 1 case of the baseline removed (p11)",
            "  the judge changed: 1 case new with a document that another case has, counted in floors (again)",
            "  the judge changed: * cases of 12 are deselected by options or by a hook",
            "  the judge changed: *anchor.jsonl was edited by hand: its checksum does not fit",
            "  the judge changed: 1 cassette edited by hand: the checksum does not fit: p00*",
        ]
    )
    data = json.loads(audit(branch, "git:main", "--json").stdout.str())
    assert {"ini", "conftest", "ci"} <= {note["kind"] for note in data[""]}
    assert {"floor", "gold", "group", "case", "anchor"} <= {n["kind"] for n in data["test_items.py::test_items"]}


def test_a_suite_that_is_gone_is_named(branch: Project) -> None:
    """Whether its baseline went with it or not."""
    (branch.pytester.path / "test_items.py").unlink()
    run = audit(branch)
    assert run.ret == 1
    run.stdout.fnmatch_lines(
        ["  the judge changed: test_items.py::test_items of the base branch is not collected here*"]
    )


def test_another_answer_to_the_same_request_is_named(branch: Project) -> None:
    """Recorded anew under the same prompt, or from another host: no counter in a file is asked."""
    for path in (branch.pytester.path / FOLDER).rglob("p0[01]*.yaml"):
        path.unlink()
    edit(branch, "gold.jsonl", "p00 Bergen", "p00 Bergen")
    branch.base_url = branch.base_url.replace("127.0.0.1", "localhost")
    branch.record("read", marker="@pytest.mark.llm_accuracy(0.9)")
    run = audit(branch)
    run.stdout.fnmatch_lines(
        ["  the judge changed: another host answered in 2 cassettes (127.0.0.1:* → localhost:*): p00, p01"]
    )
    git = branch.run("--llm-extract-baseline=git:main")
    git.stdout.fnmatch_lines(["note: the judge changed: another host answered in 2 cassettes *"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_against_the_base_branch_says_the_same(branch: Project, workers: str) -> None:
    """Also where the branch accepted its changes, which hides them from a run against its own baseline."""
    branch.record("read", "--llm-extract-accept", marker="@pytest.mark.llm_accuracy(0.5)")
    (branch.pytester.path / "pytest.ini").write_text("[pytest]\nllm_extract_alpha = 0.01\n")
    run = branch.run(f"-n{workers}", "--llm-extract-baseline=git:main", "--llm-extract-json=out.json")
    run.stdout.fnmatch_lines_random(
        [
            "note: the judge changed: floor of name, town: 90% → 50%",
            "note: the judge changed: ini llm_extract_alpha: none → 0.01",
            "note: the judge changed: *baseline.jsonl was accepted again",
        ]
    )
    suite = json.loads((branch.pytester.path / "out.json").read_text())["suites"][0]
    assert suite["judge"]["before"]["verdict"] == "pass"
    assert "ini" in {note["kind"] for note in suite["judge"]["notes"]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("main",), "llm-extract: main: must be a revision such as git:origin/main"),
        (("git:nowhere",), "llm-extract: *there is no such revision here*"),
    ],
)
def test_wrong_arguments_are_one_line(branch: Project, arguments: tuple[str, ...], words: str) -> None:
    """Exit status 2."""
    run = audit(branch, *arguments)
    assert run.ret == 2
    run.stderr.fnmatch_lines([words])


def test_gold_that_was_never_accepted_is_compared_too(branch: Project) -> None:
    """A case of the base branch that its baseline does not have: other gold and removal are named, by the run too."""
    gold = branch.pytester.path / "gold.jsonl"
    new = [{"id": f"new{n}", "input": f"p{n:02} Bergen", "expected": {"name": f"p{n:02}"}} for n in range(3)]
    accepted = gold.read_text()
    gold.write_text("\n".join([accepted, *map(json.dumps, new)]))
    branch.git("checkout", "-q", "main")
    branch.git("commit", "-qam", "three more cases")
    branch.git("checkout", "-qB", "change")
    assert "golden" not in audit(branch).stdout.str()
    gold.write_text("\n".join([accepted, json.dumps({**new[0], "expected": {"name": "other"}}), json.dumps(new[1])]))
    named = [
        "*the judge changed: gold of 1 case differs from the base branch's gold.jsonl, whose baseline*(new0)",
        "*the judge changed: 1 case of the base branch's gold.jsonl removed, which its baseline*(new2)",
    ]
    audit(branch).stdout.fnmatch_lines_random(named)
    branch.record(
        "read", "--llm-extract-baseline=git:main", marker="@pytest.mark.llm_accuracy(0.9)"
    ).stdout.fnmatch_lines_random(named)


def cassette(answer: str = "{}", host: str = "api.example", body: str = '{"model": "m"}') -> bytes:
    """One exchange, as it is stored."""
    headers = {"content-type": ["application/json"]}
    exchange = Exchange("POST", f"https://{host}/v1", {}, body.encode(), 200, "OK", headers, answer.encode())
    return cassette_text(Path("c1.yaml"), Recording((exchange,), "c1"), {}).encode()


def kinds(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """What differs."""
    return [(change.kind, change.case) for change in compare(before, after)]


def test_answer_and_host_are_compared_where_the_request_is_the_same() -> None:
    """By what the files hold, whatever they count."""
    assert kinds(cassette(), cassette()) == []
    assert kinds(cassette(), cassette('{"a": 1}')) == [("answer", "c1")]
    assert kinds(cassette(), cassette(host="mirror.example")) == [("host", "c1")]
    assert kinds(cassette(), cassette('{"a": 1}', body='{"model": "n"}')) == []
    assert kinds(cassette(), b"not a cassette") == []
