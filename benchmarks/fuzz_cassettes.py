"""Damages cassettes for minutes, and reports whatever is neither refused in one line nor read whole.

`python benchmarks/fuzz_cassettes.py --minutes 10` prints how many files ended in which way, and each finding with the
file that led to it. A file that runs code, writes outside of its folder, crashes, takes long, or is read as a shorter
cassette in silence is a finding.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cassette_mutations import MUTATIONS, Watch, answers_of, bombs, flip, outcome, own, seeds, truncate

from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.wire_formats import read_wire_answer

SLOW_S = 5.0
SHARED = Path(__file__).parents[2] / "shared" / "data" / "cassettes"


class Fuzzer:
    """Runs one damaged file after the other, and keeps what went wrong."""

    def __init__(self, folder: Path, out: Path, real: list[Path]) -> None:
        self.folder, self.out = folder, out
        self.endings: Counter[str] = Counter()
        self.findings: list[str] = []
        self.watch = Watch(folder).install()
        self.seeds = [*seeds(folder), *(path.read_bytes() for path in real)]
        self.whole = [outcome(seed, folder) for seed in self.seeds]  # also imports all that is imported late

    def run(self, name: str, text: bytes, seed: int | None = None) -> None:
        """Try one file."""
        start = time.process_time()
        problem = None
        self.watch.armed, self.watch.seen = True, None
        try:
            found = outcome(text, self.folder)
            problem = self._misread(name, found, seed)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found = "crashed"
            problem = f"{type(error).__name__}: {error!s:.300}"
        self.watch.armed = False
        problem = self.watch.seen or problem
        if (seconds := time.process_time() - start) > SLOW_S:
            problem = problem or f"took {seconds:.1f} s"
        self.endings[f"{name}: {'read' if isinstance(found, Recording) else 'refused'}"] += 1
        if problem:
            self._report(f"{name}: {problem}", text)

    def _misread(self, name: str, found: Recording | str, seed: int | None) -> str | None:
        """What is wrong with a recording that was read from a damaged file."""
        whole = self.whole[seed] if seed is not None else None
        if not isinstance(found, Recording) or not isinstance(whole, Recording):
            return None
        if name == "truncate" and answers_of(found) != answers_of(whole):
            return "a truncated file was read as another cassette"
        if name == "flip" and seed == 0 and answers_of(found) != answers_of(whole):
            return "flipped bytes of a cassette of ours were read as another one"
        if name == "flip" and len(found.exchanges) < len(whole.exchanges):
            return "flipped bytes made a shorter cassette"
        return None

    def _report(self, words: str, text: bytes) -> None:
        self.findings.append(words)
        path = self.out / f"finding-{len(self.findings):03}.yaml"
        path.write_bytes(text[:1_000_000])
        print(f"{path}: {words}", flush=True)


def every_place(fuzzer: Fuzzer, rng: random.Random) -> Iterator[tuple[str, bytes, int]]:
    """A cassette of ours cut off at every byte, and every byte of it flipped once."""
    whole = own(fuzzer.folder)
    for at in range(len(whole)):
        yield "truncate", whole[:at], 0
    for at in range(len(whole)):
        yield "flip", whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :], 0


def main() -> None:
    """Fuzz, and print what was found; exit status 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=Path(tempfile.gettempdir()), help="folder for files that led to one"
    )
    parser.add_argument("--real", type=Path, default=SHARED, help="folder of recordings that are damaged as well")
    options = parser.parse_args()
    with contextlib.suppress(ValueError, OSError):  # a bomb is a MemoryError here, not the end of the machine
        resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    rng, end = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder), options.out, sorted(options.real.rglob("*.yaml")))
        for name, text in bombs().items():
            fuzzer.run(f"bomb: {name}", text)
        for name, text, seed in every_place(fuzzer, rng):
            fuzzer.run(name, text, seed)
        while time.monotonic() < end:
            seed = rng.randrange(len(fuzzer.seeds))
            mutation = rng.choice(MUTATIONS)
            text = mutation(rng, fuzzer.seeds[seed])
            stacked = rng.random() < 0.3 and mutation not in (truncate, flip)
            name = f"{mutation.__name__}{' and more' if stacked else ''}"
            fuzzer.run(name, rng.choice(MUTATIONS[:5])(rng, text or b" ") if stacked else text, seed)
            read_wire_answer(rng.choice(MUTATIONS[:5])(rng, text or b" "))
    print(
        f"seed {options.seed}, {len(fuzzer.seeds)} seeds, {sum(fuzzer.endings.values()):,} files, {options.minutes} min"
    )
    for ending, count in sorted(fuzzer.endings.items()):
        print(f"{count:10,}  {ending}")
    print(f"{len(fuzzer.findings)} findings")
    raise SystemExit(int(bool(fuzzer.findings)))


if __name__ == "__main__":
    main()
