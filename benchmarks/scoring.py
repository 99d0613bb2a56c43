"""What scoring costs, beside its peers, in one run: `python benchmarks/scoring.py`.

Medians of 5 for one document, in milliseconds of processor time (all run in one thread, so that this is the time it
takes on a machine with nothing else to do, and can be measured on one that has): gold from a dict, the prediction
from JSON text, schema read once, as the plugin does it. DeepDiff (`ignore_order`) and stickler get the same two
documents as they take them; stickler is measured where it is installed (`pip install stickler-eval`).
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

from deepdiff import DeepDiff
from pydantic import BaseModel, Field, create_model

from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer


class Item(BaseModel):
    """One row."""

    sku: str | None = None
    name: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    unit: str | None = None


SCALARS: dict[str, Any] = {f"field_{k}": (str | None, None) for k in range(15)}
Scalars: type[BaseModel] = create_model("Scalars", **SCALARS)
Document: type[BaseModel] = create_model("Document", **SCALARS, items=(list[Item], Field(default_factory=list)))
NAMES = (
    "steel bolt",
    "brass nut",
    "copper pin",
    "washer",
    "oak plank",
    "hinge",
    "door handle",
    "lock",
    "spring",
    "valve",
)

Pair = tuple[dict[str, Any], dict[str, Any]]


def scalars() -> dict[str, Any]:
    """Fifteen texts."""
    return {f"field_{k}": f"some value of field {k}" for k in range(15)}


def row(k: int) -> dict[str, Any]:
    """A row that shares name, quantity and unit with many others."""
    name = f"{NAMES[k % len(NAMES)]} {k % 37}"
    return {"sku": f"SKU-{k:05}", "name": name, "quantity": k % 12 + 1, "price": f"{k * 7 % 500}.90", "unit": "pcs"}


def shuffled(n: int, wrong: Callable[[int], bool], spoil: Callable[[dict[str, Any], int], None]) -> Pair:
    """`n` gold rows, and the same ones shuffled, some of them spoiled."""
    rows = [row(k) for k in range(n)]
    predicted = copy.deepcopy(rows)
    for k, found in enumerate(predicted):
        if wrong(k):
            spoil(found, k)
    random.Random(1).shuffle(predicted)
    return {**scalars(), "items": rows}, {**scalars(), "items": predicted}


def another_value(found: dict[str, Any], k: int) -> None:
    """One leaf is wrong, another one in each row."""
    field = ("sku", "name", "quantity", "price")[k % 4]
    found[field] = {"sku": f"SKU-9{k:04}", "name": "something else", "quantity": 99, "price": "0.01"}[field]


def no_price(found: dict[str, Any], k: int) -> None:
    """One column is null throughout."""
    found["price"] = None


def flat() -> Pair:
    """Fifteen scalars, one of them wrong."""
    return scalars(), {**scalars(), "field_3": "another value"}


DOCUMENTS: dict[str, tuple[type[BaseModel], Pair, float]] = {
    "15 scalars": (Scalars, flat(), 0.1),
    "15 scalars, 20 shuffled rows": (Document, shuffled(20, lambda k: k % 10 == 0, another_value), 0.6),
    "100 rows, 1 in 10 wrong": (Document, shuffled(100, lambda k: k % 10 == 0, another_value), 3.0),
    "100 rows, every row has an error": (Document, shuffled(100, lambda k: True, another_value), 20.0),
    "100 rows, one column null": (Document, shuffled(100, lambda k: True, no_price), 20.0),
    "1,000 rows, half of them unequal": (Document, shuffled(1000, lambda k: k % 2 == 0, another_value), 6000.0),
}


def milliseconds(run: Callable[[], object], rounds: int, budget_s: float) -> float:
    """Median over `rounds`; of runs faster than 10 ms, each round times as many as fill 20 ms."""
    start = time.process_time()
    run()
    first = time.process_time() - start
    if first > budget_s:
        return first * 1000
    repeat = max(1, int(0.02 / first)) if first < 0.01 else 1
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(repeat):
            run()
        times.append((time.process_time() - start) / repeat)
    return statistics.median(times) * 1000


def ours(model: type[BaseModel], gold: dict[str, Any], predicted: dict[str, Any]) -> Callable[[], object]:
    """From plain gold and JSON text to a `CaseResult`."""
    schema, text = Schema.of(model, "benchmark"), json.dumps(predicted)
    return lambda: score_answer(schema, schema.read_gold(gold), read_answer(schema, text))


def stickler(model: type[BaseModel], gold: dict[str, Any], predicted: dict[str, Any]) -> Callable[[], object]:
    """The same two documents, validated beforehand, in stickler's comparison without configuration."""
    import stickler as peer  # type: ignore[import-not-found] # installed by hand

    one, other = model.model_validate(gold), model.model_validate(predicted)
    return lambda: peer.evaluate(one, other)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds; a peer's run that takes longer counts once")
    parser.add_argument("--only-ours", action="store_true")
    options = parser.parse_args()
    peers: dict[str, Callable[..., Callable[[], object]]] = {}
    if not options.only_ours:
        peers["DeepDiff"] = lambda model, gold, predicted: lambda: DeepDiff(gold, predicted, ignore_order=True)
        if find_spec("stickler"):
            peers["stickler"] = stickler
    scipy = "with scipy" if find_spec("scipy") else "without scipy"
    print(f"{'milliseconds, ' + scipy:38}{'ours':>10}{'target':>10}", *(f"{name:>12}" for name in peers), sep="")
    for label, (model, (gold, predicted), target) in DOCUMENTS.items():
        cells = [f"{milliseconds(ours(model, gold, predicted), options.rounds, 60):>10.3f}", f"{target:>10g}"]
        for peer in peers.values():
            small = len(gold.get("items", ())) <= 100
            took = milliseconds(peer(model, gold, predicted), options.rounds, options.budget) if small else None
            cells.append(f"{took:>12.2f}" if took is not None else f"{'–':>12}")
        print(f"{label:38}", *cells, sep="", flush=True)


if __name__ == "__main__":
    main()
