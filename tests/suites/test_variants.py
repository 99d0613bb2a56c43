"""Variants of a suite: further prompts, models and extractors beside the one that is gated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import LLM_EXTRACT
from recorded import record, record_in
from refused import refused
from standin import StandIn

MODULE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Gate, Variant

class Item(BaseModel):
    name: str
    size: int | None = None

CASES = [{"id": f"c{i}", "input": f"bolt{i} {i}", "expected": {"name": f"bolt{i}", "size": i}} for i in range(12)]

@pytest.mark.llm_extract(schema=Item, cases=CASES, prompt="plain.md", model="m", VARIANTS)
@pytest.mark.llm_accuracy(0.9)
def test_items(extraction): ...
"""
VARIANTS = 'variants=[Variant("terse", prompt="terse.md"), Variant("small", model="tiny")]'


def answer(body: dict[str, Any]) -> str:
    """The small model loses every size, a terse prompt those of even documents."""
    name, _, size = body["messages"][-1]["content"].partition(" ")
    lost = body["model"] == "tiny" or ("Terse" in body["messages"][0]["content"] and int(size) % 2 == 0)
    return json.dumps({"name": name, "size": None if lost else int(size)})


def write(folder: Path, variants: str = VARIANTS) -> None:
    """A suite with two variants."""
    (folder / "plain.md").write_text("Read the item.")
    (folder / "terse.md").write_text("Terse.")
    (folder / "test_items.py").write_text(MODULE.replace("VARIANTS", variants))


@pytest.fixture(scope="session")
def cassettes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of its cassettes, recorded once."""
    folder = tmp_path_factory.mktemp("variants")
    write(folder)
    assert "37 passed" in record_in(folder, answer)
    return folder / "cassettes"


@pytest.fixture
def recorded(bare: pytest.Pytester, cassettes: Path) -> pytest.Pytester:
    """The suite with its cassettes, and no provider."""
    write(bare.path)
    shutil.copytree(cassettes, bare.path / "cassettes")
    return bare


def results(project: pytest.Pytester) -> dict[str, Any]:
    """What the run wrote."""
    found: dict[str, Any] = json.loads((project.path / "results.json").read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_variants_are_compared_and_only_the_primary_is_gated(recorded: pytest.Pytester, workers: str) -> None:
    """One gate, one entry for each variant, and a comparison that names what was lost."""
    run = recorded.runpytest_subprocess("--llm-extract-json=results.json", f"-n{workers}", "-v")
    run.assert_outcomes(passed=37)
    run.stdout.fnmatch_lines(
        ["*plain is the only variant in the set of best (95%)", "*small is worse than plain on size: +0 cases, −12*"]
    )
    wire = results(recorded)
    assert [(s["variant"], s["primary"], s["gated"], s["verdict"]) for s in wire["suites"]] == [
        ("plain", True, True, "pass"),
        ("terse", False, False, None),
        ("small", False, False, None),
    ]
    [comparison] = wire["comparison"]
    assert (comparison["best"], comparison["reference"], comparison["n_cases"]) == (["plain"], "plain", 12)
    assert {(c["variant"], c["field"], c["direction"]) for c in comparison["claims"]} == {
        ("small", "size", "worse"),
        ("small", "all", "worse"),
    }


@pytest.mark.slow
def test_node_ids_name_the_variant(recorded: pytest.Pytester) -> None:
    """The primary's ids stay as they are; those of a variant begin with its name."""
    run = recorded.runpytest_subprocess("--collect-only", "-q")
    run.stdout.fnmatch_lines(
        [
            "test_items.py::test_items[[]c0]",
            "test_items.py::test_items[[]terse-c0]",
            "test_items.py::test_items[[]small-c0]",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "n"),
    [
        (["--llm-extract-variant=small"], 12),
        (["--llm-extract-variant=s*", "--llm-extract-case=c1?"], 2),
        (["-k", "terse and c3"], 1),
        (["test_items.py::test_items[terse-c3]"], 1),
    ],
    ids=["glob", "and cases", "-k", "node id"],
)
def test_one_variant_can_be_selected(recorded: pytest.Pytester, arguments: list[str], n: int) -> None:
    """Then the primary did not run, and nothing is gated."""
    run = recorded.runpytest_subprocess(*arguments)
    run.assert_outcomes(passed=n)
    run.stdout.no_fnmatch_line("*gate: *")


def test_results_are_in_the_order_of_the_marker(recorded: pytest.Pytester) -> None:
    """Workers, and plugins that shuffle, run variants in any order: the reference stays the primary."""
    recorded.makeconftest("def pytest_collection_modifyitems(items): items.reverse()")
    recorded.runpytest_subprocess("-k", "c1", "--llm-extract-json=results.json").assert_outcomes(passed=9)
    wire = results(recorded)
    assert [suite["variant"] for suite in wire["suites"]] == ["plain", "terse", "small"]
    assert wire["comparison"][0]["reference"] == "plain"


def test_the_primary_alone_is_gated(recorded: pytest.Pytester) -> None:
    """It has a name on the command line, and its run is whole."""
    run = recorded.runpytest_subprocess("--llm-extract-variant=primary", "--llm-extract-require-complete")
    run.assert_outcomes(passed=13, deselected=24)
    run.stdout.fnmatch_lines(["*gate: pass"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_unrecorded_variant_is_skipped(recorded: pytest.Pytester, workers: str) -> None:
    """An experiment fails nobody's build; the comparison says how much of it is there."""
    folder = next((recorded.path / "cassettes").rglob("small"))
    for path in sorted(folder.iterdir())[:7]:
        path.unlink()
    (recorded.path / "terse.md").write_text("Terser.")
    run = recorded.runpytest_subprocess("-rs", f"-n{workers}")
    run.assert_outcomes(passed=13 + 5, skipped=7 + 12)
    lines = ["*note: terse: 0 of 12 recorded, not compared", "*note: small: 5 of 12 recorded, not compared"]
    run.stdout.fnmatch_lines(lines)
    run.stdout.fnmatch_lines(
        ["SKIPPED*variant small is not recorded (missing): pytest --llm-record --llm-extract-vari*"]
    )


def test_adding_and_removing_variants_leaves_the_primary_alone(recorded: pytest.Pytester) -> None:
    """Its ids, its cassettes and its baseline are those of the suite without variants."""
    write(recorded.path, "")
    recorded.runpytest_subprocess("--llm-extract-accept").assert_outcomes(passed=13)
    baseline = next((recorded.path / "cassettes").rglob("baseline.jsonl"))
    text = baseline.read_text()
    write(recorded.path)
    run = recorded.runpytest_subprocess("--llm-extract-accept", "--llm-extract-require-complete")
    run.assert_outcomes(passed=37)
    assert [path.name for path in (recorded.path / "cassettes").rglob("baseline.jsonl")] == ["baseline.jsonl"]
    # Only the history grows.
    assert baseline.read_text().partition("\n")[2] == text.partition("\n")[2]


def test_a_gated_variant_has_a_gate_and_a_baseline_of_its_own(recorded: pytest.Pytester) -> None:
    """The small model misses the floor; accepted, its losses count from its own answers."""
    write(recorded.path, 'variants=[Variant("small", model="tiny", gated=True)]')
    run = recorded.runpytest_subprocess("--llm-extract-accept", "--llm-extract-json=results.json")
    run.assert_outcomes(passed=25, failed=1)
    assert "in no shard" not in recorded.run("llm-extract", "merge", "results.json").stdout.str()
    run.stdout.fnmatch_lines(["*FAILED test_items.py::test_items::gate[[]small]*size: 0/12*"])
    names = sorted(path.parent.name for path in (recorded.path / "cassettes").rglob("baseline.jsonl"))
    assert names == ["small", "test_items"]
    write(recorded.path, "")
    gone = recorded.runpytest_subprocess()
    gone.stdout.fnmatch_lines(
        ["suite gone, but its baseline is there*small*", "FAILED test_items.py::test_items::gate[[]small]*"]
    )


def test_matrix_of_prompts_and_models(bare: pytest.Pytester) -> None:
    """The first pair is the primary; the others are named by prompt and model."""
    write(bare.path)
    module = MODULE.replace(
        'prompt="plain.md", model="m", VARIANTS', 'prompts=["plain.md", "terse.md"], models=["m", "tiny"]'
    )
    (bare.path / "test_items.py").write_text(module)
    run = bare.runpytest_subprocess("--collect-only", "-q")
    for name in ("c0", "plain-tiny-c0", "terse-m-c0", "terse-tiny-c0"):
        run.stdout.fnmatch_lines([f"*test_items[[]{name}]"])


def test_formulations_of_before_are_counted(recorded: pytest.Pytester) -> None:
    """Each one that was recorded is written down once; an added space is not another one."""
    (recorded.path / "terse.md").write_text("Terse .")
    (recorded.path / "plain.md").write_text("Say what the article is called, and how large.")
    with StandIn(answer) as provider:
        record(recorded, provider).assert_outcomes(passed=37)
    rows = [json.loads(line) for line in next(recorded.path.rglob("formulations.jsonl")).read_text().splitlines()]
    assert [(row["variant"], row.get("like") or row["instructions"].partition("\n")[0]) for row in rows] == [
        ("plain", "system: Read the item."),
        ("terse", "system: Terse."),
        ("plain", "system: Say what the article is called, and how large."),
        ("terse", rows[1]["fingerprint"]),
    ]
    write(recorded.path, 'variants=[Variant("small", model="tiny")]')  # with the first prompt
    recorded.runpytest_subprocess("--llm-extract-case=c0", "--llm-extract-json=results.json")
    tried = [(one["fingerprint"], one["wording"]) for one in results(recorded)["suites"][0]["tried"]]
    assert tried == [(row["fingerprint"], row["fingerprint"]) for row in rows[1:3]]
    file = next(recorded.path.rglob("formulations.jsonl"))
    file.write_text(json.dumps(rows[3]))
    broken = recorded.runpytest_subprocess("--collect-only", "-q")
    broken.stdout.fnmatch_lines(["*formulations.jsonl: is not a file of formulations: *is missing"])


def test_one_plan_records_all_and_what_is_there_stays(bare: pytest.Pytester) -> None:
    """Another formulation is recorded beside those that are there; going back costs nothing."""
    write(bare.path, "")
    with StandIn(answer) as provider:
        record(bare, provider).assert_outcomes(passed=13)
        write(bare.path)
        record(bare, provider).assert_outcomes(passed=37)
        assert len(provider.requests) == 36
        write(bare.path, 'variants=[Variant("small", model="tiny")]')
        record(bare, provider).assert_outcomes(passed=25)
        write(bare.path)
        record(bare, provider).assert_outcomes(passed=37)
        assert len(provider.requests) == 36


@pytest.mark.slow
def test_check_knows_variants(recorded: pytest.Pytester) -> None:
    """Cassettes of a declared variant are wanted; those of one that is gone are orphans."""
    assert recorded.run(LLM_EXTRACT, "check").ret == 0
    write(recorded.path, 'variants=[Variant("terse", prompt="terse.md")]')
    run = recorded.run(LLM_EXTRACT, "check")
    assert sum("orphaned" in line and "small" in line for line in run.outlines) == 12


MISTAKES = [
    ("variants=[Variant('x', promt='terse.md')]", "variant 'x': no argument 'promt'*prompt*"),
    ("variants=[Variant('x', prompt='tersee.md')]", "variant 'x': no file 'tersee.md'*'terse.md'*"),
    ("variants=[Variant('x', cases='a.jsonl')]", "variant 'x': no argument 'cases'*"),
    ("variants=[Variant('x', gated=1)]", "variant 'x': gated= must be True or False, got 1"),
    ("variants=[Variant('x', samples=0)]", "variant 'x': samples=*"),
    ("variants=['x']", "variants= must be a list of Variant(…), got 'x' in it"),
    ("variants=Variant('x')", "variants= must be a list of Variant(…), got*"),
    ("variants=[Variant('x', model='a'), Variant('x', model='b')]", "two variants are called 'x'"),
    (
        "variants=[Variant('x', model='a'), Variant('X', model='b')]",
        "variants 'x' and 'X' would share a folder where case does not count",
    ),
    ("variants=[Variant('primary', model='a')]", "'primary' names what the marker itself says*"),
    ("variants=[Variant('plain', model='a')]", "a variant is called 'plain', as the primary is*"),
    ("variants=[Variant('', model='a')]", "a variant's name must be*got ''"),
    ("variants=[Variant('a[b]', model='a')]", "a variant's name must be*got 'a[[]b]'"),
    ("prompts='plain.md'", "prompts= must be a list, got 'plain.md'"),
    ("models=[]", "models= must not be empty"),
    ("models=[1]", "models= must be a list of names, got 1 in it"),
]


def test_a_mistake_is_one_line_with_the_name(bare: pytest.Pytester) -> None:
    """Collection says where, what and the nearest right name."""
    bare.makefile(".md", plain="Read the item.", terse="Terse.")
    modules = [MODULE.replace("VARIANTS", variants) for variants, _ in MISTAKES]
    for lines, (_, message) in zip(refused(bare, modules), MISTAKES, strict=True):
        pytest.LineMatcher(lines).fnmatch_lines([f"*test_??.py::test_items: llm_extract: {message}"])
