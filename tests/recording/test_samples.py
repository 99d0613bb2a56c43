"""`samples=`: every case is recorded several times, and replayed in that order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from recorded import reachable
from standin import Reply, StandIn

from pytest_llm_extract.config.suite_folders import file_name
from pytest_llm_extract.report.results_json import json_schema

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


def test_names_of_cassettes_are_unlike() -> None:
    """The first sample keeps the name of a case; no id has the name of another one's sample."""
    assert file_name("inv 1", 3) == file_name("inv 1").replace(".yaml", ".3.yaml")
    ids = ["a", "a.2", "a-2", file_name("a", 2), file_name("a").removesuffix(".yaml")]
    assert len({file_name(case, sample) for case in ids for sample in (1, 2, 3)}) == 3 * len(ids)


SUITE = """
import pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    size: int | None = None

def read(text: str) -> Item:
    answer = OpenAI().chat.completions.create(
        model="m", messages=[{"role": "system", "content": "Read."}, {"role": "user", "content": text}]
    )
    return Item.model_validate_json(answer.choices[0].message.content)

@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl", samples=3)
def test_items(extraction):
    assert extraction.output == extraction.outputs[0]
    print("sizes of", extraction.case.id, [output.size for output in extraction.outputs])
"""
FOLDER = "cassettes/test_items/test_items"
NAMES = [f"n{number}" for number in range(8)]


@pytest.fixture
def moody() -> Iterator[StandIn]:
    """Answers the same request otherwise each time: the size of n0 to n3 is wrong in the second answer, which for n7 is
    no JSON at all. Told to guess, it is always wrong."""
    asked: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> str:
        prompt, document = (message["content"] for message in body["messages"])
        name, size = document.split()
        asked[prompt + name] += 1
        second = asked[prompt + name] == 2
        if name == "n7" and second:
            return "Let me think"
        return json.dumps({"name": name, "size": 0 if prompt == "Guess." else int(size) + (name < "n4" and second)})

    with StandIn(answer) as standin:
        yield standin


class Items:
    """A suite of eight items, recorded by a provider of many moods."""

    def __init__(self, pytester: pytest.Pytester, base_url: str) -> None:
        self.pytester, self.base_url = pytester, base_url
        rows = [{"id": n, "input": f"{n} 4", "expected": {"name": n, "size": 4}} for n in NAMES]
        pytester.makefile(".jsonl", gold="\n".join(map(json.dumps, rows)))
        self.write()

    def write(self, samples: int = 3, module: str = SUITE) -> None:
        self.pytester.makepyfile(test_items=module.replace("samples=3", f"samples={samples}"))

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*arguments)

    def record(self, *arguments: str, concurrency: int = 1) -> pytest.RunResult:
        """One call at a time, so that a second answer is that of a second sample."""
        with reachable(self.base_url):
            return self.run("--llm-record", f"--llm-extract-concurrency={concurrency}", *arguments)

    def results(self) -> dict[str, Any]:
        suite: dict[str, Any] = json.loads((self.pytester.path / "out.json").read_text())["suites"][0]
        return suite

    def cassette(self, case: str, sample: int = 1) -> Path:
        return self.pytester.path / FOLDER / "read" / file_name(case, sample)

    @property
    def cassettes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.pytester.path / FOLDER / "read").iterdir()}


@pytest.fixture
def items(bare: pytest.Pytester, moody: StandIn) -> Items:
    """The suite, and no key."""
    return Items(bare, moody.base_url)


@WORKERS
def test_samples_are_recorded_and_replayed_in_order(items: Items, moody: StandIn, workers: str) -> None:
    """Three cassettes a case, one test a case; the replay says what the recording said, without a key."""
    recorded = items.record(f"-n{workers}", "--llm-extract-json=out.json")
    recorded.assert_outcomes(passed=9)
    recorded.stdout.fnmatch_lines(["recorded: 24 *"])
    assert len(moody.requests) == 24
    assert set(items.cassettes) == {file_name(name, sample) for name in NAMES for sample in (1, 2, 3)}
    suite = items.results()
    replayed = items.run(f"-n{workers}", "-rP", "--llm-extract-json=out.json")
    replayed.assert_outcomes(passed=9)
    again = items.results()
    assert again == suite
    validate(json.loads((items.pytester.path / "out.json").read_text()), json_schema())
    replayed.stdout.fnmatch_lines(["sizes of n0 [[]4, 5, 4]", "sizes of n7 [[]4, 4]"])
    replayed.stdout.fnmatch_lines(
        [
            "documents: 23/24 valid, 19/24 exact (1 invalid): 3 samples of 8 cases",
            " name *23/24 *95.8% * 8.3%",
            " size *19/24 *79.2% * 41.7%",
            "  n0 +3 * size * 4 * 5 (4 of 12 samples)",
            "note: the samples disagree in 5 of 8 cases (size in 5, name in 1): *",
        ]
    )
    case = suite["cases"][7]
    assert [case["status"], *(sample["status"] for sample in case["samples"])] == ["ok", "invalid", "ok"]
    assert [sample["sample"] for sample in case["samples"]] == [2, 3]
    assert suite["usage"]["output_tokens"] == sum(
        sample["usage"]["output_tokens"] for case in suite["cases"] for sample in (case, *case["samples"])
    )


def test_raising_samples_records_only_the_further_ones(items: Items, moody: StandIn) -> None:
    """The first recording stays as it is; lowering the number leaves files that nobody reads."""
    items.write(samples=1)
    items.record("--llm-extract-accept").assert_outcomes(passed=9)
    first = items.cassettes
    items.write(samples=3)
    missing = items.run()
    missing.assert_outcomes(failed=9)
    missing.stdout.fnmatch_lines(
        [
            'missing: n0, n1, n2, n3, n4 and 3 more; see "llm-extract: test_items.py::test_items" below',
            "  16 of 24 cassettes missing: no verdict without them",
            "MISSING: no cassette, sample 2, 3 of 3 (8 cases: n0, n1, n2, …)",
        ]
    )
    recorded = items.record(concurrency=8)
    recorded.stdout.fnmatch_lines(
        ["recorded: 16 *", "note: samples in 8 cases: 3 here, 1 in the baseline; the first one is compared"]
    )
    assert len(moody.requests) == 24
    assert {name: items.cassettes[name] for name in first} == first
    assert len(items.cassettes) == 24
    items.write(samples=1)
    one = items.run()
    one.assert_outcomes(passed=9)
    one.stdout.fnmatch_lines(["documents: 8/8 valid, 8/8 exact"])
    one.stdout.no_fnmatch_line("*flake*")


@pytest.mark.slow
def test_sample_that_was_not_recorded_is_missing_alone(items: Items) -> None:
    """The provider's words and the sample are named; the plan and the next recording are about that one."""
    asked: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> str | Reply:
        name, size = body["messages"][-1]["content"].split()
        asked[name] += 1
        if name == "n5" and asked[name] == 3:
            return Reply(404, '{"error": {"message": "one too many"}}')
        return json.dumps({"name": name, "size": int(size)})

    with StandIn(answer) as standin, pytest.MonkeyPatch.context() as patch:
        patch.setattr(items, "base_url", standin.base_url)
        run = items.record("-n2")
        plan = items.run("--llm-extract-plan")
        again = items.record(concurrency=8)
    run.assert_outcomes(passed=7, failed=2)
    run.stdout.fnmatch_lines(
        [
            "*recorded 23 of 24; 24 calls,*",
            "  1 cassette not recorded (run again to continue)",
            "  1 of 24 cassettes missing: no verdict without them",
            "MISSING: not recorded: *one too many*, sample 3 of 3 (1 case: n5)",
        ]
    )
    plan.stdout.fnmatch_lines(
        ["*test_items (read): 23 fresh, 1 missing", "  to record: 1 cassette; expected: about 1 *"]
    )
    again.assert_outcomes(passed=9)
    again.stdout.fnmatch_lines(["*recorded 1 of 1; 1 call,*"])
    items.write(samples=2)
    fewer = items.run("--llm-extract-plan")
    fewer.stdout.fnmatch_lines(["*test_items (read): 16 fresh, 8 orphaned", "  orphaned: read/n0-*.3.yaml, *"])


@WORKERS
def test_baseline_of_samples_is_compared_sample_by_sample(items: Items, workers: str) -> None:
    """Accepted answers are scored again, all of them; a prompt that loses two samples of three fails."""
    items.record(f"-n{workers}", "--llm-extract-accept").stdout.fnmatch_lines(["accepted: 8 cases in *baseline.jsonl"])
    rows = [json.loads(line) for line in (items.pytester.path / FOLDER / "baseline.jsonl").read_text().splitlines()[1:]]
    assert [len(row["samples"]) for row in rows] == [2] * 8
    assert rows[0]["samples"][0]["answer"] == {"name": "n0", "size": 5}
    unchanged = items.run(f"-n{workers}")
    unchanged.stdout.fnmatch_lines(["gate: pass", "against the baseline *, 8 cases paired: no case lost, none gained"])
    items.write(module=SUITE.replace("Read.", "Guess."))
    items.record(f"-n{workers}", "--llm-extract-json=out.json").assert_outcomes(passed=8, failed=1)
    suite = items.results()
    assert suite["fields"]["size"]["baseline"]["lost"] == NAMES
    assert suite["fields"]["size"]["baseline"]["p"] == 1 / 256
    assert suite["pooled"]["baseline"]["samples"] == 3


def test_later_sample_without_a_recording_fails_its_case(items: Items) -> None:
    """Missing, stale and damaged: the case fails as such, and the sample is named."""
    items.record("--llm-extract-accept")
    items.cassette("n1", 3).unlink()
    stale = items.cassette("n2", 3)
    # Recorded under another prompt: a request that was edited by hand would be an error and not stale.
    items.write(module=SUITE.replace("Read.", "Guess."))
    items.record("-k", "n2")
    guessed = stale.read_text()
    items.write()
    items.record("-k", "n2")
    stale.write_text(guessed)
    items.cassette("n3", 2).write_text("a: [")
    run = items.run("--llm-extract-accept")
    run.assert_outcomes(passed=5, failed=4)
    run.stdout.fnmatch_lines(
        [
            "missing: sample 3 of 3: no cassette *.3.yaml",
            "stale: sample 3 of 3: system prompt changed",
            "error: sample 2 of 3: *n3*.2.yaml: *",
            "not accepted: *3 of 8 cases have no answer (n1, n2, n3)",
            "  1 of 24 cassettes stale: no verdict without them",
            "  1 of 24 cassettes missing: no verdict without them",
            "STALE: system prompt changed, sample 3 of 3 (1 case: n2)",
        ]
    )


@pytest.mark.slow
def test_crashed_worker_loses_all_samples_of_its_case(items: Items) -> None:
    """A case whose worker died stays in every denominator, three times."""
    items.record("--llm-extract-accept")
    crash = "    if extraction.case.id == 'n4': __import__('os')._exit(3)\n    assert"
    items.write(module=SUITE.replace("    assert", crash))
    run = items.run("-n2", "--llm-extract-json=out.json")
    run.stdout.fnmatch_lines(["documents: 20/24 valid, 16/24 exact (1 invalid, 3 error): 3 samples of 8 cases"])
    suite = items.results()
    assert suite["fields"]["name"]["n"] == 24
    assert suite["fields"]["name"]["baseline"]["lost"] == ["n4"]


def test_strict_suite_names_the_inexact_sample(items: Items) -> None:
    """Every sample must be exact; a prompt file has samples as well."""
    module = SUITE.replace("extractor=read", 'schema=Item, prompt="read.md", model="m", strict=True')
    items.write(module=module)
    items.pytester.path.joinpath("read.md").write_text("Read.")
    run = items.record()
    run.assert_outcomes(passed=4, failed=5)
    run.stdout.fnmatch_lines(
        [
            "inexact: sample 2 of 3: 1 difference",
            "  size: expected 4, got 5",
            "inexact: sample 2 of 3: the answer is not *",
        ]
    )


def test_wrong_number_of_samples_is_one_clear_error(items: Items) -> None:
    """No number, no whole number, or none at all: one line for each module, no traceback."""
    for number, written in enumerate(("0", "'3'", "True", "2.5")):
        items.pytester.makepyfile(**{f"test_wrong_{number}": SUITE.replace("samples=3", f"samples={written}")})
    run = items.run()
    run.assert_outcomes(errors=4)
    line = "*test_wrong_?.py::test_items: llm_extract: samples= must be a whole number of at least 1, got {}"
    run.stdout.fnmatch_lines([line.format(written) for written in ("0", "'3'", "True", "2.5")])
    run.stdout.no_fnmatch_line("*Traceback*")
