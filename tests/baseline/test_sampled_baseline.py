"""Baselines of cases with several samples."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from gate_cases import leaves, sampled, suite

from pytest_llm_extract.baseline.accept import Acceptance, accept
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import parse
from pytest_llm_extract.baseline.find import AcceptedAnswers
from pytest_llm_extract.cli.diff import against
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.results.accepted import Origin
from pytest_llm_extract.results.outcome import Status, count_leaves


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
    old = suite([sampled(i, [], ["x:c", "x:c"]) for i in range(8)])
    new = suite([sampled(i, [], ["x:c", "x:w", "x:w"]) for i in range(8)])
    decision = decide(against(new, old, "old.json", 0.05))
    assert len(decision.comparisons[0].fields["x"].lost) == 8
    assert (decision.comparisons[0].n_samples, decision.fields["x"].counts.n) == (2, 24)
