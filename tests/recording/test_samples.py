"""Several recordings of each case: recorded and replayed in order, scored together, compared sample by sample."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from gate_cases import READ, leaves
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate
from standin import Reply, StandIn

from pytest_llm_extract.baseline.file import Acceptance, Entry, accept, parse
from pytest_llm_extract.baseline.find import AcceptedAnswers
from pytest_llm_extract.cli.diff import against
from pytest_llm_extract.cli.merge import merge
from pytest_llm_extract.config.suite_folders import file_name
from pytest_llm_extract.errors import ResultsError
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.gate.regression import Comparison
from pytest_llm_extract.report.results_json import json_schema, run_to_wire, suite_to_wire
from pytest_llm_extract.report.terminal import suite_lines
from pytest_llm_extract.results.aggregate import Flakes, count_flakes, summarize, tally
from pytest_llm_extract.results.case_result import Accepted, CaseResult, Origin, Sample, count_leaves
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, SuiteResult
from pytest_llm_extract.rules.limits import Floor, Gate, Waiver
from pytest_llm_extract.stats.signflip import sign_flip

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


def sampled(number: int, before: list[str], now: list[str], group: str | None = None) -> CaseResult:
    """A case whose samples were as `before` and are as `now`, each written as `name:c rows:cw`."""
    accepted = None
    if before:
        first, *others = (Accepted(found, count_leaves(found), READ) for found in map(leaves, before))
        accepted = first._replace(further=tuple(others))
    one, *further = (Sample(Status.OK, found, True, model="m", origin=READ) for found in map(leaves, now))
    return CaseResult(
        Status.OK,
        one.leaves,
        True,
        f"c{number:03}",
        group=group,
        model="m",
        origin=READ,
        baseline=accepted,
        further=tuple(further),
    )


def suite_of(cases: list[CaseResult], **rules: Any) -> SuiteResult:
    """A suite with a baseline, held to `rules`."""
    paths = tuple(dict.fromkeys(path for case in cases for sample in case.samples for path in sample.leaves))
    return SuiteResult(
        "test_x.py::test_x",
        "read",
        tuple(case.id for case in cases),
        paths,
        GateRules(**rules),
        n_samples=max(len(case.samples) for case in cases),
        baseline=AcceptedRun("baseline.jsonl", paths),
        cases=tuple(cases),
    )


def compared(cases: list[CaseResult]) -> Comparison:
    """The cases against their baseline."""
    return decide(suite_of(cases)).comparisons[0]


ANSWER = st.sampled_from(["name:c rows:cc", "name:c rows:cw", "name:w rows:cc", "name:w rows:cmw", "name:c"])
SIDES = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.tuples(st.lists(ANSWER, min_size=k, max_size=k), st.lists(ANSWER, min_size=k, max_size=k)))
)


def built(sides: list[tuple[list[str], list[str]]]) -> list[CaseResult]:
    """Cases from what their samples were and are."""
    return [sampled(number, before, now) for number, (before, now) in enumerate(sides)]


def test_names_of_cassettes_are_unlike() -> None:
    """The first sample keeps the name of a case; no id has the name of another one's sample."""
    assert file_name("inv 1", 3) == file_name("inv 1").replace(".yaml", ".3.yaml")
    ids = ["a", "a.2", "a-2", file_name("a", 2), file_name("a").removesuffix(".yaml")]
    assert len({file_name(case, sample) for case in ids for sample in (1, 2, 3)}) == 3 * len(ids)


@settings(max_examples=40)
@given(st.lists(st.tuples(ANSWER, ANSWER), min_size=1, max_size=25), st.integers(2, 5))
def test_identical_samples_decide_like_one(pairs: list[tuple[str, str]], k: int) -> None:
    """Answers that never differ are no more evidence, however often they are recorded: not in one p."""
    one = decide(suite_of(built([([b], [n]) for b, n in pairs])))
    many = decide(suite_of(built([([b] * k, [n] * k) for b, n in pairs])))
    assert (many.verdict, many.reasons, many.doubts) == (one.verdict, one.reasons, one.doubts)
    assert [
        {path: change._replace(before=None, after=None) for path, change in c.fields.items()}  # type: ignore[arg-type]
        for c in many.comparisons
    ] == [
        {path: change._replace(before=None, after=None) for path, change in c.fields.items()}  # type: ignore[arg-type]
        for c in one.comparisons
    ]
    assert [(c.pooled_p, c.pooled_p_adj) for c in many.comparisons] == [
        (c.pooled_p, c.pooled_p_adj) for c in one.comparisons
    ]
    assert {path: summary.flakes.rate for path, summary in many.fields.items()} == dict.fromkeys(many.fields, 0.0)
    assert {path: summary.flakes.rate for path, summary in one.fields.items()} == dict.fromkeys(one.fields)


@settings(max_examples=40)
@given(SIDES.filter(bool), st.randoms(use_true_random=False))
def test_order_of_arrival_and_of_samples_changes_nothing(
    sides: list[tuple[list[str], list[str]]], dice: random.Random
) -> None:
    """Workers deliver cases in any order, and which sample came first is chance."""
    whole = suite_of(built(sides))
    shuffled = dice.sample(whole.cases, len(whole.cases))
    assert decide(whole.with_cases({case.id: case for case in shuffled})) == decide(whole)
    turned = suite_of(built([(dice.sample(before, len(before)), dice.sample(now, len(now))) for before, now in sides]))
    assert decide(turned._replace(paths=whole.paths, baseline=whole.baseline)).comparisons == decide(whole).comparisons


@settings(max_examples=30)
@given(SIDES.filter(bool), st.integers(1, 3))
def test_shards_merge_to_what_one_run_says(sides: list[tuple[list[str], list[str]]], n_shards: int) -> None:
    """results.json holds every sample: its parts add up to the whole, which the JSON Schema takes."""
    whole = suite_of(built(sides), floors={"name": Floor(Fraction(1, 2))}, documents={"exact": Fraction(1, 3)})
    texts = {}
    for number in range(n_shards):
        part = whole.with_cases({case.id: case for case in whole.cases[number::n_shards]})
        texts[f"{number}.json"] = json.dumps(run_to_wire([(part, decide(part))], Path(__file__).parent))
    (merged,) = merge(texts)
    assert merged == whole
    assert suite_to_wire(merged, decide(merged)) == suite_to_wire(whole, decide(whole))
    validate(run_to_wire([(merged, decide(merged))], Path(__file__).parent), json_schema())


def test_shards_of_another_number_of_samples_do_not_merge() -> None:
    """A shard that was run with other markers, or whose second sample differs, is named."""
    one, two, other = (suite_of([sampled(0, [], now)]) for now in (["x:c"], ["x:c", "x:c"], ["x:c", "x:w"]))
    texts = [json.dumps(run_to_wire([(found, decide(found))], Path(__file__).parent)) for found in (one, two, other)]
    with pytest.raises(ResultsError, match=r"b.json: is a shard of another run: .* differs in samples"):
        merge({"a.json": texts[0], "b.json": texts[1]})
    with pytest.raises(ResultsError, match=r"b.json: .*'c000' has another result"):
        merge({"a.json": texts[1], "b.json": texts[2]})


def test_value_of_a_case_is_the_mean_of_its_samples() -> None:
    """A sample is a share of its case: two of three right before, one now is a loss of a third."""
    cases = built(
        [(["x:c", "x:c", "x:w"], ["x:c", "x:w", "x:w"])] * 6
        + [(["x:c", "x:w", "x:w"], ["x:c", "x:c", "x:c"])]
        + [(["x:c"] * 3, ["x:c"] * 3)] * 5
    )
    change = compared(cases).fields["x"]
    assert (len(change.lost), change.gained) == (6, ("c006",))
    assert change.p == sign_flip([Fraction(-1, 3)] * 6 + [Fraction(2, 3)]).p
    assert (change.before.right, change.before.n, change.after.right) == (28, 36, 24)


def test_group_of_cases_adds_up_their_means() -> None:
    """Pages of one document stay one piece of evidence, also where more cases are lost than there are groups."""
    cases = [sampled(i, ["x:c", "x:c"], ["x:c", "x:w"], "scan" if i < 4 else None) for i in range(8)]
    change = compared(cases)
    assert (change.n_groups, len(change.fields["x"].lost), change.cases_to_decide) == (5, 8, 5)
    assert change.fields["x"].p == 1 / 32


@pytest.mark.parametrize(
    ("before", "now", "note"),
    [
        (["x:c"], ["x:c", "x:w", "x:w"], "samples in 12 cases: 3 here, 1 in the baseline; the first one is compared"),
        (["x:c", "x:w"], ["x:c"], "samples in 12 cases: 1 here, 2 in the baseline; the first one is compared"),
        (["x:c"] * 2, ["x:c"] * 3, "samples in 12 cases: 3 here, 2 in the baseline; the first 2 are compared"),
    ],
)
def test_first_samples_of_both_sides_are_compared(before: list[str], now: list[str], note: str) -> None:
    """What only one side has is no change, is counted in the table, and is said."""
    decision = decide(suite_of([sampled(i, before, now) for i in range(12)]))
    change = decision.comparisons[0]
    assert change.n_samples == min(len(before), len(now))
    assert (change.fields["x"].lost, change.fields["x"].gained) == ((), ())
    assert change.fields["x"].after.n == 12 * change.n_samples
    assert decision.fields["x"].counts.n == 12 * len(now)
    assert note in decision.notes


def test_cases_of_a_baseline_may_have_unlike_numbers_of_samples() -> None:
    """A partial acceptance leaves older cases with fewer: each is compared over what it has."""
    cases = [sampled(i, ["x:c"] if i < 5 else ["x:c"] * 3, ["x:c", "x:w", "x:w"]) for i in range(10)]
    change = compared(cases)
    assert change.fields["x"].lost == ("c005", "c006", "c007", "c008", "c009")
    assert change.fields["x"].p == sign_flip([Fraction(-2, 3)] * 5).p


def test_counts_and_floors_are_of_all_samples() -> None:
    """Micro over leaves, clustered by case; a refused sample stays in every denominator."""
    refused = Sample(Status.REFUSED, leaves("x:m"), False)
    cases = [replace(sampled(i, [], ["x:c", "x:c"]), further=(refused,)) for i in range(4)]
    found = suite_of(cases, floors={"x": Floor(Fraction(51, 100))}, documents={"valid": Fraction(51, 100)})
    decision = decide(found)
    assert decision.reasons == ("valid documents: 4/8 = 50% is below 51%", "x: 4/8 = 50% is below 51%")
    whole = tally(cases)
    assert (whole.n_cases, whole.n_valid, whole.leaves.n) == (4, 4, 8)
    assert whole.document_mean == 0.5
    low, high = decision.fields["x"].interval
    assert low < 0.16, "four cases that never differ are no eight answers"
    assert high > 0.84
    lines = suite_lines(found, decision, {}, 100)
    assert "documents: 4/8 valid, 4/8 exact (4 refused): 2 samples of 4 cases" in lines
    assert "  c000           refused:  (1 of 2 samples)" in lines


def test_flake_rate_is_of_scores_within_the_case() -> None:
    """Right in one sample and wrong in another; two wrong answers, or other rows wrong, are alike."""
    cases = built(
        [
            ([], ["x:c rows:cw", "x:c rows:wc"]),
            ([], ["x:w rows:cc", "x:m rows:cc"]),
            ([], ["x:c rows:cc", "x:w rows:cc"]),
            ([], ["x:c rows:cw", "x:c rows:ww"]),
            ([], ["x:c", "x:c rows:s"]),
        ]
    )
    fields = summarize(("x", "rows"), cases)
    assert {path: summary.flakes for path, summary in fields.items()} == {"x": Flakes(1, 5), "rows": Flakes(2, 5)}
    assert count_flakes(cases) == Flakes(3, 5)
    found = suite_of(cases)
    decision = decide(found)
    note = "the samples disagree in 3 of 5 cases (rows in 2, x in 1): as many may move when nothing changed"
    assert note in decision.notes
    table = suite_lines(found, decision, {}, 100)[0]
    assert "flake" in table.splitlines()[1]
    assert "20.0%" in next(line for line in table.splitlines() if line.startswith(" x "))
    wire = suite_to_wire(found, decision)
    assert (wire["samples"], wire["flake_rate"], wire["fields"]["rows"]["flake_rate"]) == (2, 0.6, 0.4)


def test_one_sample_has_no_flake_rate() -> None:
    """No column, no note, null in results.json."""
    found = suite_of([sampled(i, ["x:c"], ["x:c"]) for i in range(6)])
    decision = decide(found)
    assert "flake" not in "\n".join([*suite_lines(found, decision, {}, 100), *decision.notes])
    wire = suite_to_wire(found, decision)
    assert wire["flake_rate"] is wire["fields"]["x"]["flake_rate"] is None
    assert "samples" not in wire["cases"][0]["baseline"]


def test_lost_cases_show_the_sample_that_says_most() -> None:
    """Right before, wrong now, and in how many samples; misses that samples share are one line."""
    cases = [sampled(i, ["x:c", "x:w", "x:c"], ["x:c", "x:w", "x:w"]) for i in range(6)]
    found = suite_of(cases)
    lines = suite_lines(found, decide(found), {}, 100)
    assert "  lost   c000           x                correct → wrong (right in 1 of 3 samples, 2 before)" in lines
    misses = [line for line in lines if line.endswith("wrong (2 of 3 samples)")]
    assert len(misses) == 6


def test_budgets_and_waivers_hold_for_samples() -> None:
    """A case that fell in one sample is lost; a drop is that of the rates; a waived case is not paired."""
    cases = [sampled(i, ["x:c"] * 3, ["x:c", "x:c", "x:w" if i < 3 else "x:c"]) for i in range(12)]
    assert decide(suite_of(cases, budgets={"x": Gate(max_lost=3, max_drop=0.0834)})).reasons == ()
    over = decide(suite_of(cases, budgets={"x": Gate(critical=True, max_drop=0.08)})).reasons
    assert [reason.split(":")[1] for reason in over] == [
        " lost 3 cases (critical",
        " accuracy fell by 8.333%, 8% is allowed",
    ]
    waiver = Waiver("R-7", "2999-01-01", case="c001")
    assert decide(suite_of(cases, waivers=(waiver,))).comparisons[0].fields["x"].lost == ("c000", "c002")


def test_smallest_visible_drop_is_smaller_with_samples() -> None:
    """Five cases that lose one sample of five each can fail: a fifth of what whole cases would be."""
    notes = decide(suite_of([sampled(i, ["x:c"] * 5, ["x:c"] * 5) for i in range(40)])).notes
    assert any("from 5 lost and none gained; a drop of less than 2.5% is not visible" in note for note in notes)


def test_other_models_and_attempts_are_seen_in_every_sample() -> None:
    """A model that answered one sample only, and a sample that was recorded again, are named."""
    cases = [sampled(i, ["x:c", "x:c"], ["x:c", "x:c"]) for i in range(12)]
    other = replace(cases[3].further[0], model="new", attempt=2, origin=READ._replace(answered="new"))
    cases[3] = replace(cases[3], further=(other,))
    decision = decide(suite_of(cases))
    assert decision.doubts == ("the answers come from several models: m (23), new (1)",)
    assert "changed since the baseline: model that answered (1 case)" in decision.notes
    assert "recorded again under an unchanged request: c003 (sample 2)" in decision.notes


def test_sample_that_crashed_is_counted_and_no_cause() -> None:
    """An error in the second sample is no change of model, and no case without an answer."""
    lost = Sample(Status.ERROR, leaves("x:m"), False)
    answered = READ._replace(answered="m-1")
    cases = []
    for i in range(12):
        case = sampled(i, ["x:c", "x:c"], ["x:c", "x:c"])
        assert case.baseline is not None
        second = case.baseline.further[0]._replace(origin=answered)
        accepted = case.baseline._replace(origin=answered, further=(second,))
        cases.append(replace(case, origin=answered, baseline=accepted, further=(lost,)))
    decision = decide(suite_of(cases))
    assert "no request changed since the baseline" in decision.notes
    assert not any("no case has an answer" in reason for reason in decision.reasons)
    assert len(decision.comparisons[0].fields["x"].lost) == 12


def entry(case: str, *texts: str, gold: str = "g", answered: str = "m") -> Entry:
    """An accepted case with these answers, all of them right."""
    counts = count_leaves(leaves("x:c"))
    first, *further = (
        Entry(case, Status.OK, text, counts, ("f" * 8,), Origin(prompt="p", gold=gold, answered=answered))
        for text in texts
    )
    return first._replace(further=tuple(further))


def acceptance(*entries: Entry, complete: bool = True) -> Acceptance:
    """A run to be accepted."""
    return Acceptance("test_x.py::test_x", "read", ("x",), entries, complete, "pass")


def test_baseline_holds_every_sample() -> None:
    """One line a case; a further sample repeats nothing that it shares with the first, and one sample has no list."""
    two = entry("a", '{"x": 1}', '{"x": 1.10}')
    origin = two.origin._replace(answered="n")
    three = two.further[0]._replace(text=None, status=Status.REFUSED, attempt=2, origin=origin)
    case = two._replace(further=(two.further[0], three))
    baseline = accept(None, acceptance(case, entry("b", '{"x": 2}')), "")
    assert parse(baseline.to_text(), "baseline.jsonl") == baseline
    first, second = map(json.loads, baseline.to_text().splitlines()[1:])
    assert "samples" not in second
    raw, refused = first["samples"]
    assert raw == {
        "sample": 2,
        "status": "ok",
        "raw": '{"x": 1.10}',
        "outcomes": {"x": {"correct": 1}},
        "attempt": 1,
    }
    assert (refused["sample"], refused["status"], refused["origin"]["answered"]) == (3, "refused", "n")
    assert not {"answer", "raw", "requests"} & refused.keys()


def test_partial_acceptance_adds_no_samples_to_a_case() -> None:
    """It replaces no other answers, nor does it add to them; a whole run does."""
    old = accept(None, acceptance(entry("a", "1"), entry("b", "1")), "")
    new = (entry("a", "1", "2"), entry("b", "1", "2", gold="other"))
    part = accept(old, acceptance(*new, complete=False), "")
    assert Counter({case: len(found.samples) for case, found in part.entries.items()}) == {"a": 1, "b": 2}
    whole = accept(old, acceptance(*new), "")
    assert [len(found.samples) for found in whole.entries.values()] == [2, 2]


@pytest.mark.parametrize(
    ("anchor", "same"), [(["1"], True), (["1", "2"], True), (["1", "2", "3"], True), (["1", "3"], False)]
)
def test_anchor_with_the_same_first_samples_is_no_second_test(anchor: list[str], same: bool) -> None:
    """Alpha is shared only with an anchor that has other answers."""
    found = AcceptedAnswers(
        accept(None, acceptance(entry("a", "1", "2")), ""),
        accept(None, acceptance(entry("a", *anchor)), ""),
        sources={"baseline": "b", "anchor": "a"},
    )
    run = found.runs(["a"])[1]
    assert run is not None
    assert run.same_as_baseline is same


def test_diff_compares_samples() -> None:
    """Two runs: the first samples that both have."""
    old = suite_of([sampled(i, [], ["x:c", "x:c"]) for i in range(8)])
    new = suite_of([sampled(i, [], ["x:c", "x:w", "x:w"]) for i in range(8)])
    decision = decide(against(new, old, "old.json", 0.05))
    assert len(decision.comparisons[0].fields["x"].lost) == 8
    assert (decision.comparisons[0].n_samples, decision.fields["x"].counts.n) == (2, 24)


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
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_API_KEY", "loopback-only")
            patch.setenv("OPENAI_BASE_URL", self.base_url)
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
def items(pytester: pytest.Pytester, moody: StandIn, monkeypatch: pytest.MonkeyPatch) -> Items:
    """The suite, and no key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return Items(pytester, moody.base_url)


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
            " name *23/24 *95.8% * 12.5%",
            " size *19/24 *79.2% * 62.5%",
            "documents: 23/24 valid, 19/24 exact (1 invalid): 3 samples of 8 cases",
            "  n0 * size * 4 * 5 (1 of 3 samples)",
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
            "missing: sample 2 of 3: no cassette *.2.yaml",
            "MISSING: no cassette, sample 2, 3 of 3 (8 cases: n0, n1, n2, …)",
            "  16 of 24 cassettes missing: no verdict without them",
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


def test_sample_that_was_not_recorded_is_missing_alone(items: Items) -> None:
    """The provider's words and the sample are named; the plan and the next recording are about that one."""
    asked: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> str | Reply:
        name, size = body["messages"][-1]["content"].split()
        asked[name] += 1
        if name == "n5" and asked[name] == 3:
            return Reply(400, '{"error": {"message": "one too many"}}')
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
            "  1 cassette left, *",
            "MISSING: not recorded: *one too many*, sample 3 of 3 (1 case: n5)",
            "  1 of 24 cassettes missing: no verdict without them",
        ]
    )
    plan.stdout.fnmatch_lines(
        ["*test_items (read): 23 fresh, 1 missing", "  to record: 1 cassette; expected: about 1 *"]
    )
    again.assert_outcomes(passed=9)
    again.stdout.fnmatch_lines(["*recorded 1 of 1; 1 calls,*"])
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
    unchanged.stdout.fnmatch_lines(["against the baseline *, 8 cases paired: no case lost, none gained", "gate: pass"])
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
            "STALE: system prompt changed, sample 3 of 3 (1 case: n2)",
            "  1 of 24 cassettes stale: no verdict without them",
            "  1 of 24 cassettes missing: no verdict without them",
        ]
    )


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
    line = "*test_wrong_?.py::test_items: llm_extract: samples= is how many recordings each case has, 1 or more, not {}"
    run.stdout.fnmatch_lines([line.format(written) for written in ("0", "'3'", "True", "2.5")])
    run.stdout.no_fnmatch_line("*Traceback*")
