"""Does the regression gate tell a real loss from noise? `python benchmarks/gate.py --runs 2000`; `--quick` for a look.

Answers are simulated, verdicts are those of the package. A suite has fields whose true accuracies run from .60 to
.99; recording it again redraws a share of its answers: single leaves, whole documents, or whole documents of ten
correlated rows. Prints Markdown tables: false alarms when nothing changed, what real losses are seen, beside rules in
use today, and habits that break any test. Needs numpy.
"""

from __future__ import annotations

import argparse
import math
import os
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import Pool

import numpy as np
import numpy.typing as npt

from pytest_llm_extract.stats.intervals import wilson
from pytest_llm_extract.stats.power import cases_to_decide, smallest_loss
from pytest_llm_extract.stats.signflip import sign_flip
from pytest_llm_extract.stats.stepdown import holm, step_down

ALPHA = 0.05
SIZES = (20, 40, 50, 200, 1000)
SAMPLES = (1, 3, 5)
RULES = ("gate", "Holm", "floor", "any drop", "z-test")
Right = npt.NDArray[np.bool_]  # documents x fields x rows
Random = np.random.Generator


@dataclass(frozen=True)
class World:
    """What is recorded: documents, fields, the share redrawn by a new recording, and what is redrawn together."""

    documents: int
    fields: int
    redrawn: float
    together: str = "leaves"  # or "documents", or "rows": documents of ten correlated rows

    @property
    def accuracies(self) -> npt.NDArray[np.float64]:
        """True accuracy of every field, from .60 to .99."""
        return np.linspace(0.60, 0.99, self.fields)

    def loss(self, one: float = 0.0, every: float = 0.0) -> npt.NDArray[np.float64]:
        """What each field loses; `one` hits the field whose accuracy is nearest .90."""
        losses = np.full(self.fields, every)
        losses[np.abs(self.accuracies - 0.90).argmin()] += one
        return losses


def answers(world: World, random: Random, accuracies: npt.NDArray[np.float64]) -> Right:
    """A first recording. The rows of a document share one draw in half of the cases."""
    shape = (world.documents, world.fields, 10 if world.together == "rows" else 1)
    own = random.random(shape) < accuracies[:, None]
    shared = random.random((*shape[:2], 1)) < accuracies[:, None]
    alike = random.random(shape) < (0.5 if world.together == "rows" else 0.0)
    return np.asarray(np.where(alike, shared, own))


def recorded_again(world: World, random: Random, before: Right, accuracies: npt.NDArray[np.float64]) -> Right:
    """The same prompt once more: a share of the answers is redrawn."""
    fields = world.fields if world.together == "leaves" else 1
    redrawn = random.random((world.documents, fields, 1)) < world.redrawn
    return np.asarray(np.where(redrawn, answers(world, random, accuracies), before))


def worsened(world: World, random: Random, before: Right, loss: npt.NDArray[np.float64]) -> Right:
    """A worse prompt: a new recording in which each field's accuracy is lower by its `loss`."""
    again = recorded_again(world, random, before, world.accuracies)
    return again & np.asarray(random.random(again.shape) >= (loss / world.accuracies)[:, None])


def smallest_p(before: Right, after: Right) -> tuple[float, float]:
    """The smallest adjusted p of the package's gate, pooled test included, and Holm's over the fields."""
    changes = after.sum(axis=2, dtype=int) - before.sum(axis=2, dtype=int)
    tests = {str(number): sign_flip(column[column != 0].tolist()) for number, column in enumerate(changes.T)}
    pooled = changes.sum(axis=1)
    family = step_down(tests, sign_flip(pooled[pooled != 0].tolist()).p)
    bound = holm({name: test.p for name, test in tests.items()})
    return min(p for p in (*family.adjusted.values(), family.pooled) if p is not None), min(bound.values())


def fails(before: Right, after: Right, alpha: float = ALPHA) -> bool:
    """Whether the gate fails."""
    return smallest_p(before, after)[0] <= alpha


def verdicts(before: Right, after: Right) -> dict[str, bool]:
    """Who fails: the gate, and what people use today."""
    p_gate, p_holm = smallest_p(before, after)
    old, new = before.mean(axis=(0, 2)), after.mean(axis=(0, 2))
    middle, leaves = (old + new) / 2, before.shape[0] * before.shape[2]
    z = (old - new) / np.sqrt(np.maximum(middle * (1 - middle) * 2 / leaves, 1e-12))
    return {
        "gate": p_gate <= ALPHA,
        "inconclusive": ALPHA < p_gate <= 4 * ALPHA,
        "Holm": p_holm <= ALPHA,
        "floor": bool(new.mean() < old.mean() - 0.02),
        "any drop": bool((new < old).any()),
        "z-test": bool((z > 1.645).any()),
    }


def changed(world: World, random: Random, one: float = 0.0, every: float = 0.0) -> dict[str, bool]:
    """One change of prompt; without a loss, only noise."""
    before = answers(world, random, world.accuracies)
    return verdicts(before, worsened(world, random, before, world.loss(one, every)))


def best_baseline(world: World, random: Random) -> dict[str, bool]:
    """Nothing changed, but the baseline is the best of five recordings."""
    first = answers(world, random, world.accuracies)
    six = [recorded_again(world, random, first, world.accuracies) for _ in range(6)]
    best = max(six[:5], key=lambda recording: recording.mean())
    return {"first of five": fails(six[0], six[5]), "best of five": fails(best, six[5])}


def best_so_far(world: World, random: Random) -> dict[str, bool]:
    """Eight unchanged runs in turn; the anchor is the best of those before, alpha shared with the step itself."""
    runs = [answers(world, random, world.accuracies)]
    for _ in range(8):
        runs.append(recorded_again(world, random, runs[-1], world.accuracies))
    best = max(runs[:-1], key=lambda recording: recording.mean())
    step = fails(runs[-2], runs[-1], ALPHA / 2)
    return {
        "fixed anchor": step or fails(runs[0], runs[-1], ALPHA / 2),
        "best so far": step or fails(best, runs[-1], ALPHA / 2),
        "best so far, at full alpha": fails(best, runs[-1]),
    }


def lost_again(world: World, random: Random, one: float) -> dict[str, bool]:
    """Cases that lost a field are recorded again, three times at most; then the next honest run is compared."""
    loss = world.loss(one)
    before = answers(world, random, world.accuracies)
    honest = chosen = worsened(world, random, before, loss)
    for _ in range(3):
        worse = np.asarray((before & ~chosen).any(axis=(1, 2), keepdims=True))
        chosen = np.asarray(np.where(worse, recorded_again(world, random, chosen, world.accuracies - loss), chosen))
    following = recorded_again(world, random, chosen, world.accuracies - loss)
    return {"honest": fails(before, honest), "again": fails(before, chosen), "next run": fails(chosen, following)}


def until_green(world: World, random: Random, one: float = 0.0, every: float = 0.0) -> dict[str, bool]:
    """The whole suite is recorded again until it passes, five times at most."""
    loss = world.loss(one, every)
    before = answers(world, random, world.accuracies)
    after = worsened(world, random, before, loss)
    first = red = fails(before, after)
    for _ in range(4):
        if red:
            red = fails(before, recorded_again(world, random, after, world.accuracies - loss))
    return {"one run": first, "five runs": red}


def creeping(world: World, random: Random, each: float) -> dict[str, bool]:
    """Eight accepted changes, each of which costs one field `each`; seen by the steps, or from a fixed anchor?"""
    runs = [answers(world, random, world.accuracies)]
    kept, loss = world.accuracies.copy(), world.loss(each)
    for _ in range(8):
        again = recorded_again(world, random, runs[-1], kept)
        runs.append(again & (random.random(again.shape) >= (loss / kept)[:, None]))
        kept = kept - loss
    steps = [smallest_p(old, new)[0] for old, new in pairwise(runs)]
    anchored = [smallest_p(runs[0], new)[0] for new in runs[1:]]
    return {
        "steps": min(steps) <= ALPHA,
        "anchor": anchored[-1] <= ALPHA / 2,
        "anchor, any step": min(anchored) <= ALPHA / 2,
        "both": min(*steps, *anchored) <= ALPHA / 2,
    }


def rows_as_cases(world: World, random: Random) -> dict[str, bool]:
    """Nothing changed; ten rows a document, tested as documents and as if every row were a case of its own."""
    before = answers(world, random, world.accuracies)
    after = recorded_again(world, random, before, world.accuracies)
    apart = [state.transpose(0, 2, 1).reshape(-1, world.fields, 1) for state in (before, after)]
    return {"documents": fails(before, after), "rows": fails(apart[0], apart[1])}


def with_samples(world: World, random: Random, one: float = 0.0, every: float = 0.0) -> dict[str, bool]:
    """One change of prompt, each document recorded 1, 3 and 5 times before and after, and compared by its mean.

    Two recordings of one prompt differ in the share that the world redraws; the loss hits the same answers in all.
    """
    loss = world.loss(one, every)
    apart = replace(world, redrawn=1 - math.sqrt(1 - world.redrawn))
    old = answers(world, random, world.accuracies)
    new = old & np.asarray(random.random(old.shape) >= (loss / world.accuracies)[:, None])
    before = [recorded_again(apart, random, old, world.accuracies) for _ in range(max(SAMPLES))]
    after = [recorded_again(apart, random, new, world.accuracies - loss) for _ in range(max(SAMPLES))]
    return {str(k): fails(np.concatenate(before[:k], 2), np.concatenate(after[:k], 2)) for k in SAMPLES}


Scenario = Callable[[World, Random], dict[str, bool]]
CHANGES: dict[str, Scenario] = {
    "unchanged": changed,
    "one field -20 points": partial(changed, one=0.20),
    "one field -5 points": partial(changed, one=0.05),
    "all fields -3 points": partial(changed, every=0.03),
}
HABITS: dict[str, Scenario] = {
    "best of five": best_baseline,
    "best so far": best_so_far,
    "lost recorded again, unchanged": partial(lost_again, one=0.0),
    "lost recorded again, -20": partial(lost_again, one=0.20),
    "until green, unchanged": until_green,
    "until green, -20": partial(until_green, one=0.20),
    "until green, all -3": partial(until_green, every=0.03),
    "creeping -3": partial(creeping, each=0.03),
    "creeping 0": partial(creeping, each=0.0),
    "rows as cases": rows_as_cases,
}
SAMPLED: dict[str, Scenario] = {
    "samples, unchanged": with_samples,
    "samples, one field -20 points": partial(with_samples, one=0.20),
    "samples, all fields -3 points": partial(with_samples, every=0.03),
}
SCENARIOS = CHANGES | HABITS | SAMPLED
Cell = tuple[str, World]


def run_part(part: tuple[Cell, int, int]) -> tuple[Cell, Counter[str]]:
    """How often each outcome happened in some runs of a cell; the seed depends on nothing else."""
    (name, world), number, runs = part
    random = np.random.default_rng(zlib.crc32(f"{name} {world} {number}".encode()))
    tally = Counter({"runs": runs})
    for _ in range(runs):
        tally.update({key: int(happened) for key, happened in SCENARIOS[name](world, random).items()})
    return (name, world), tally


def run_all(cells: Sequence[Cell], runs: int, *, first: int = 0) -> dict[Cell, Counter[str]]:
    """Every cell, in parts of at most 250 runs numbered from `first`, on all cores; large suites first."""
    sizes = [min(250, runs - start) for start in range(0, runs, 250)]
    ordered = sorted(cells, key=lambda cell: (cell[1].together == "rows", cell[1].documents), reverse=True)
    parts = [(cell, number, size) for cell in ordered for number, size in enumerate(sizes, first)]
    found: dict[Cell, Counter[str]] = {cell: Counter() for cell in cells}
    with Pool(os.cpu_count()) as pool:
        for cell, tally in pool.imap_unordered(run_part, parts):
            found[cell].update(tally)
    return found


def share(tally: Counter[str], outcome: str) -> str:
    """A share, in percent."""
    return f"{100 * tally[outcome] / tally['runs']:.1f}"


def with_interval(tally: Counter[str], outcome: str) -> str:
    """A share with its Wilson interval, in percent."""
    low, high = wilson(tally[outcome], tally["runs"])
    return f"{share(tally, outcome)} [{100 * low:.1f}, {100 * high:.1f}]"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print one Markdown table."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


GRID = [(fields, redrawn) for fields in (6, 15) for redrawn in (0.02, 0.10, 0.30)]
TOGETHER = ("leaves", "documents", "rows")


def noise_cells() -> list[Cell]:
    """Nothing changed, in every world."""
    return [_unchanged(n, grid, together) for together in TOGETHER for n in SIZES for grid in GRID]


def loss_cells() -> list[Cell]:
    """Real losses, when single leaves are redrawn."""
    return [(name, World(n, *grid)) for name in CHANGES if name != "unchanged" for n in SIZES for grid in GRID]


def habit_cells() -> list[Cell]:
    """Habits, in suites of 40 and 200 documents with 6 fields."""
    worlds = [World(n, 6, redrawn) for n in (40, 200) for redrawn in (0.02, 0.10, 0.30)]
    apart = [("rows as cases", World(n, 6, redrawn, "rows")) for n in (40, 200) for redrawn in (0.10, 0.30)]
    return [(name, world) for name in HABITS if name != "rows as cases" for world in worlds] + apart


def print_noise(found: dict[Cell, Counter[str]]) -> None:
    """False alarms and inconclusive verdicts of the gate, and false alarms of the other rules."""
    head = ["redrawn", "documents", *(f"{fields} fields, {redrawn:.0%}" for fields, redrawn in GRID)]
    for title, outcome, show in (
        ("False alarms of the gate when nothing changed, % [95 % interval]", "gate", with_interval),
        ("Inconclusive when nothing changed, %", "inconclusive", share),
    ):
        rows = [
            [together, n, *(show(found[_unchanged(n, grid, together)], outcome) for grid in GRID)]
            for together in TOGETHER
            for n in SIZES
        ]
        table(title, head, rows)
    cells = [_unchanged(n, (fields, 0.10), "leaves") for fields in (6, 15) for n in SIZES]
    print_rules("False alarms of every rule, single leaves, 10 % redrawn, %", cells, found)
    cells = [_unchanged(n, (fields, 0.30), "rows") for fields in (6, 15) for n in SIZES]
    print_rules("False alarms of every rule, documents of ten rows, 30 % redrawn, %", cells, found)


def confirm_noise(found: dict[Cell, Counter[str]], runs: int) -> None:
    """Of 90 cells some lie above 5 % by chance: those again, with five times as many runs, all of them new."""
    above = [cell for cell, tally in found.items() if tally["gate"] > ALPHA * tally["runs"]]
    again = run_all(above, 5 * runs, first=1_000_000)
    rows = [
        [
            w.together,
            w.documents,
            w.fields,
            f"{w.redrawn:.0%}",
            share(found["unchanged", w], "gate"),
            with_interval(t, "gate"),
        ]
        for (_, w), t in again.items()
    ]
    head = ["redrawn", "documents", "fields", "share", "first", f"{5 * runs} new runs [95 % interval]"]
    table("False alarms above 5 %, run again", head, rows)


def _unchanged(n: int, grid: tuple[int, float], together: str) -> Cell:
    return ("unchanged", World(n, *grid, together))


def print_rules(title: str, cells: Sequence[Cell], found: dict[Cell, Counter[str]]) -> None:
    """One row a cell, one column a rule."""
    rows = [[w.documents, w.fields, *(share(found[name, w], rule) for rule in RULES)] for name, w in cells]
    table(title, ["documents", "fields", *RULES], rows)


def print_losses(found: dict[Cell, Counter[str]]) -> None:
    """What is seen of real losses: by every rule, then by the gate under more or less noise."""
    names = [name for name in CHANGES if name != "unchanged"]
    for name in names:
        cells = [(name, World(n, fields, 0.10)) for fields in (6, 15) for n in SIZES]
        print_rules(f"Seen, {name}, 10 % redrawn, %", cells, found)
    head = ["loss", "documents", *(f"{fields} fields, {redrawn:.0%}" for fields, redrawn in GRID)]
    rows = [[name, n, *(share(found[name, World(n, *grid)], "gate") for grid in GRID)] for name in names for n in SIZES]
    table("Seen by the gate, by share redrawn, %", head, rows)


def print_habits(found: dict[Cell, Counter[str]]) -> None:
    """How often the gate fails under each habit."""
    for name in HABITS:
        tallies = {world: tally for (cell, world), tally in found.items() if cell == name}
        keys = list(dict.fromkeys(key for tally in tallies.values() for key in tally if key != "runs"))
        rows = [[w.documents, f"{w.redrawn:.0%}", *(share(t, key) for key in keys)] for w, t in tallies.items()]
        table(f"Habit: {name}, gate fails, %", ["documents", "redrawn", *keys], rows)


def sample_cells() -> list[Cell]:
    """Suites of 40 documents, recorded several times."""
    return [(name, World(40, fields, redrawn)) for name in SAMPLED for fields in (6, 15) for redrawn in (0.10, 0.30)]


def print_samples(found: dict[Cell, Counter[str]]) -> None:
    """How often the gate fails, by the number of samples."""
    rows = [
        [name.removeprefix("samples, "), w.fields, f"{w.redrawn:.0%}", *(share(t, str(k)) for k in SAMPLES)]
        for (name, w), t in found.items()
    ]
    head = ["change", "fields", "redrawn", *(f"{k} sample{'s' * (k > 1)}" for k in SAMPLES)]
    table("40 documents with samples, gate fails, %", head, rows)


def print_numbers() -> None:
    """Smallest losses, cases that would decide, and how long a large suite takes."""
    rows: list[list[object]]
    rows = [[n, smallest_loss(n, 6, ALPHA), smallest_loss(n, 6, ALPHA / 2)] for n in (4, *SIZES)]
    table("Smallest loss of one field that can fail", ["documents", "alpha .05", "alpha .025"], rows)
    observed = [(2, 0), (3, 0), (4, 0), (3, 1), (4, 1), (5, 2)]
    rows = [
        [lost, gained, *(cases_to_decide(lost, gained, 40, k, ALPHA) for k in (1, 6, 15))] for lost, gained in observed
    ]
    table("Cases that would decide what 40 cases left open", ["lost", "gained", "1 field", "6", "15"], rows)
    rows = [[f"{redrawn:.0%}", f"{_seconds(World(10_000, 20, redrawn)):.2f}"] for redrawn in (0.02, 0.10, 0.30)]
    table("10,000 cases x 20 fields: all tests and the step-down, s", ["redrawn", "s"], rows)


def _seconds(world: World) -> float:
    random = np.random.default_rng(1)
    before = answers(world, random, world.accuracies)
    after = recorded_again(world, random, before, world.accuracies)
    start = time.perf_counter()
    smallest_p(before, after)
    return time.perf_counter() - start


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="runs of each cell in which nothing changed")
    parser.add_argument("--samples", action="store_true", help="only the table of samples")
    parser.add_argument("--quick", action="store_true", help="100 runs of every cell")
    chosen = parser.parse_args()
    start = time.perf_counter()
    runs = 100 if chosen.quick else chosen.runs
    if chosen.samples:
        print_samples(run_all(sample_cells(), runs))
        print(f"\n{runs} runs a cell; {time.perf_counter() - start:.0f} s.")
        return
    noise = run_all(noise_cells(), runs)
    print_noise(noise)
    confirm_noise(noise, runs)
    print_losses(run_all(loss_cells(), max(1, runs // 2)))
    print_habits(run_all(habit_cells(), max(1, runs // 2)))
    print_samples(run_all(sample_cells(), max(1, runs // 2)))
    print_numbers()
    print(f"\n{runs} runs a cell without a change, half as many elsewhere; {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
