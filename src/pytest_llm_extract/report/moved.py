"""Show changes against accepted answers, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from pytest_llm_extract.formats.visible import Block
from pytest_llm_extract.gate.regression import Comparison, FieldChange
from pytest_llm_extract.report.tables import new_table, render
from pytest_llm_extract.report.terminal_text import MISSES, and_more, field_name, has_values, printable, show
from pytest_llm_extract.results.case_result import Accepted, CaseResult, Leaf, Sample
from pytest_llm_extract.results.outcome import RIGHT, right_share
from pytest_llm_extract.scoring.advice import advise
from pytest_llm_extract.wording import count_cases

_SamplePairs = Sequence[tuple[Sample, Accepted]]


def comparison_lines(
    comparison: Comparison, results: Sequence[CaseResult], width: int, json_flag: str | None
) -> list[str]:
    """What moved against accepted answers: a table of the fields that did, and the lost and gained cases."""
    head = f"against the {comparison.against} ({comparison.source}), {count_cases(comparison.n_cases)} paired:"
    moved = {path: change for path, change in comparison.fields.items() if change.lost or change.gained}
    if not moved:
        return [f"{head} no case lost, none gained"]
    lines = [head, _moved_table(moved, comparison, width)]
    lines += _moved_cases(moved, comparison.against, results, width)
    more = sum(len(change.lost) + len(change.gained) for change in moved.values()) - MISSES
    lines += [and_more(more, json_flag)] if more > 0 else []
    return lines + _advice_on_lost(moved, results)


def _moved_table(moved: Mapping[str, FieldChange], comparison: Comparison, width: int) -> Block:
    table = new_table(("lost", "gained", "before", "now", "p", "p_adj", ""))
    failed = comparison.failed
    for path, change in moved.items():
        table.add_row(
            field_name(path),
            str(len(change.lost)),
            str(len(change.gained)),
            f"{(change.before.accuracy or 0) * 100:.1f}%",
            f"{(change.after.accuracy or 0) * 100:.1f}%",
            f"{change.p:.3g}",
            "waived" if change.p_adj is None else f"{change.p_adj:.3g}",
            "LOST" if path in failed else "",
        )
    pooled = ("", "", "", "", f"{comparison.pooled_p:.3g}", f"{comparison.pooled_p_adj:.3g}")
    table.add_row("all fields", *pooled, "LOST" if comparison.pooled_p_adj <= comparison.alpha else "")
    return render(table, width)


def _moved_cases(
    moved: Mapping[str, FieldChange], against: str, results: Sequence[CaseResult], width: int
) -> list[str]:
    """Lost cases first, then gained ones: expected, what the accepted answer had, and what this one has."""
    by_id = {result.id: result for result in results}
    order = sorted(moved, key=lambda path: -len(moved[path].lost))
    cases = [("lost", path, case) for path in order for case in moved[path].lost]
    cases += [("gained", path, case) for path in order for case in moved[path].gained]
    lines = [f"  {'':6} {'case':14} {'field':16} expected: before → now"]
    for word, path, case in cases[:MISSES]:
        result = by_id[case]
        accepted = result.baseline if against == "baseline" else result.anchor
        pairs = list(result.paired(accepted)) if accepted else []
        before, now = _clearest(pairs, path, word)
        side = max(10, (width - 48) // 3)
        expected = [printable(show(leaf.expected), side) + ": " for leaf in (*now, *before) if has_values(leaf)]
        then, today = (printable(_found(leaves), side) for leaves in (before, now))
        lines.append(
            f"  {word:6} {printable(case, 14):14} {field_name(path, 16):16} {''.join(expected[:1])}{then} → {today}"
            f"{_in_samples(pairs, path)}"
        )
    return lines


def _advice_on_lost(moved: Mapping[str, FieldChange], results: Sequence[CaseResult]) -> list[str]:
    """Suggest rules that would have kept the lost cases, one line for each such field."""
    lines = []
    for path, change in moved.items():
        lost = set(change.lost)
        samples = [sample for result in results if result.id in lost for sample in result.samples]
        leaves = [leaf for sample in samples for leaf in sample.leaves.get(path, ()) if leaf.outcome not in RIGHT]
        if leaves and (text := advise(leaves, "lost")):
            lines.append(f"  hint: {field_name(path)}: {text}")
    return lines


def _clearest(pairs: _SamplePairs, path: str, word: str) -> tuple[list[Leaf], list[Leaf]]:
    """A leaf before and one now, from the samples in which each side shows best what was lost, or gained."""
    if not pairs:
        return [], []

    def share(sample: Sample | Accepted) -> Fraction | int:
        return right_share(sample.counts.get(path))

    then, today = (max, min) if word == "lost" else (min, max)
    before = then((accepted for _, accepted in pairs), key=share)
    now = today((sample for sample, _ in pairs), key=share)
    return _first(before.leaves.get(path, ())), _first(now.leaves.get(path, ()))


def _in_samples(pairs: _SamplePairs, path: str) -> str:
    """` (right in 1 of 3 samples, 3 before)`; nothing where one sample is compared."""
    if len(pairs) < 2:
        return ""
    now, before = (
        sum(right_share(sample.counts.get(path)) == 1 for sample in side) for side in zip(*pairs, strict=True)
    )
    return f" (right in {now} of {len(pairs)} samples, {before} before)"


def _first(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The leaf that shows the change best: a wrong one if there is one."""
    return sorted(leaves, key=lambda leaf: leaf.outcome in RIGHT)[:1]


def _found(leaves: Sequence[Leaf]) -> str:
    """The value of a leaf; its outcome if the value is unknown."""
    return "∅" if not leaves else show(leaves[0].actual) if has_values(leaves[0]) else leaves[0].outcome.value
