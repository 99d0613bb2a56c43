"""Counts secrets that a cassette keeps, and harmless texts that it refuses or alters.

`python benchmarks/kept_secrets.py` plants every key of a well-known shape in every stream and coding of an exchange,
sends it through the scrubber and the writer, and prints what was kept. Harmless texts are templates, the example data
and, where it is there, the data beside the checkout. `--shape NAME` and `--place NAME` choose one of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from secret_lists import SHAPES, harmless
from secret_places import PLACES, stored

EXAMPLES = Path(__file__).parents[1] / "examples"
SHARED = Path(__file__).parents[2] / "shared" / "data"


def texts() -> Iterator[str]:
    """Every harmless text."""
    yield from harmless()
    yield from (path.read_text() for path in EXAMPLES.rglob("*") if path.suffix in (".md", ".py", ".yml"))
    for path in [*EXAMPLES.rglob("*.jsonl"), *SHARED.rglob("*.jsonl")]:
        yield from path.read_text().splitlines()


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape")
    parser.add_argument("--place")
    options = parser.parse_args()
    start = time.process_time()
    by_place: Counter[str] = Counter()
    by_shape: Counter[str] = Counter()
    n_planted = 0
    for place, plant in PLACES.items():
        for shape, secret in SHAPES.items():
            if options.place in (None, place) and options.shape in (None, shape):
                n_planted += 1
                if stored(*plant(secret)) == "kept":
                    by_place[place] += 1
                    by_shape[shape] += 1
    print(f"{len(SHAPES)} shapes in {len(PLACES)} places: {n_planted} planted, {by_place.total()} kept")
    for title, counts in (("place", by_place), ("shape", by_shape)):
        print("\n".join(f"  kept by {title} {name}: {count}" for name, count in counts.most_common()))
    print(f"  {time.process_time() - start:.1f} s")
    outcomes: Counter[str] = Counter()
    n_texts, start = 0, time.process_time()
    for text in texts():
        n_texts += 1
        outcome = stored(
            {"body": json.dumps({"messages": [{"role": "user", "content": text}]}).encode()}, {"body": b"{}"}
        )
        outcomes[outcome] += 1
        if outcome != "kept":
            print(f"  {outcome}: {text[:110]!r}")
    print(f"{n_texts} harmless texts: {dict(outcomes)}, {time.process_time() - start:.1f} s")


if __name__ == "__main__":
    main()
