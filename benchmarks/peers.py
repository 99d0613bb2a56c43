"""What peers answer on twelve small pairs, as a Markdown table: `python benchmarks/peers.py`.

Needs `pip install autoevals anls_star stickler-eval`; a peer that is not installed has an empty column. Every peer runs
as it comes, without configuration: autoevals' JSONDiff, ANLS* and stickler give a score (1 is best), DeepDiff a
distance (0 is best).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from pydantic import BaseModel, Field

from pytest_llm_extract import score
from pytest_llm_extract.results.aggregate import Tally


class Line(BaseModel):
    """One row."""

    sku: str | None = None
    quantity: int | None = None


class Invoice(BaseModel):
    """A small document."""

    number: str | None = None
    vendor: str | None = None
    day: str | None = None
    amount: str | None = None
    lines: list[Line] = Field(default_factory=list)


Plain = dict[str, Any]
BOLT, NUT, PIN = ({"sku": sku, "quantity": n} for sku, n in (("bolt", 4), ("nut", 5), ("pin", 6)))
PAIRS: list[tuple[str, Plain, Plain]] = [
    ("identical", {"number": "INV-1001", "vendor": "ACME"}, {"number": "INV-1001", "vendor": "ACME"}),
    ("one character of a number", {"number": "INV-1001"}, {"number": "INV-1007"}),
    ("another case", {"vendor": "ACME"}, {"vendor": "Acme"}),
    ("another notation of a date", {"day": "March 5, 2024"}, {"day": "2024-03-05"}),
    ("sign lost", {"amount": "-120.00"}, {"amount": "120.00"}),
    ("a value missing", {"number": "INV-1001", "vendor": "ACME"}, {"number": "INV-1001", "vendor": None}),
    ("a value invented", {"number": "INV-1001", "vendor": None}, {"number": "INV-1001", "vendor": "ACME"}),
    ("rightly null", {"number": "INV-1001", "vendor": None}, {"number": "INV-1001", "vendor": None}),
    ("all null where gold has one value", {"number": "INV-1001", "vendor": None, "day": None}, {}),
    ("rows in another order", {"lines": [BOLT, NUT, PIN]}, {"lines": [PIN, BOLT, NUT]}),
    ("one row three times", {"lines": [BOLT]}, {"lines": [BOLT, BOLT, BOLT]}),
    ("a row missing", {"lines": [BOLT, NUT, PIN]}, {"lines": [BOLT, PIN]}),
]


def ours(gold: Plain, predicted: Plain) -> str:
    """Outcome counts, then the share of leaves that are right."""
    leaves = Tally.of([score(gold, predicted, Invoice)]).leaves
    names = ("correct", "wrong", "missing", "spurious", "absent_ok")
    counts = " ".join(f"{getattr(leaves, name)}{name[0].upper()}" for name in names if getattr(leaves, name))
    return f"{counts} = {leaves.right}/{leaves.n}"


def json_diff(gold: Plain, predicted: Plain) -> str:
    """autoevals."""
    from autoevals.json import JSONDiff  # type: ignore[import-not-found] # installed by hand

    return f"{JSONDiff()(output=predicted, expected=gold).score:.2f}"


def anls_star(gold: Plain, predicted: Plain) -> str:
    """ANLS*."""
    import anls_star as peer  # type: ignore[import-not-found] # installed by hand

    return f"{peer.anls_score(gold, predicted):.2f}"


def stickler(gold: Plain, predicted: Plain) -> str:
    """stickler's overall score."""
    import stickler as peer  # type: ignore[import-not-found] # installed by hand

    return f"{peer.evaluate(Invoice.model_validate(gold), Invoice.model_validate(predicted)).overall_score:.2f}"


def deep_distance(gold: Plain, predicted: Plain) -> str:
    """DeepDiff, a distance."""
    from deepdiff import DeepDiff

    diff = DeepDiff(gold, predicted, ignore_order=True, get_deep_distance=True)
    return f"{diff['deep_distance']:.2f}" if "deep_distance" in diff else ("none" if diff else "0.00")


PEERS: dict[str, tuple[str, Callable[[Plain, Plain], str]]] = {
    "JSONDiff": ("autoevals", json_diff),
    "ANLS*": ("anls_star", anls_star),
    "stickler": ("stickler", stickler),
    "DeepDiff distance": ("deepdiff", deep_distance),
}


def main() -> None:
    """Print the table."""
    print("| pair |", " | ".join(("this", *PEERS)), "|")
    print("| --- |", " | ".join(["---"] * (1 + len(PEERS))), "|")
    for label, gold, predicted in PAIRS:
        cells = [run(gold, predicted) if find_spec(package) else "" for package, run in PEERS.values()]
        print(f"| {label} |", " | ".join((ours(gold, predicted), *cells)), "|")


if __name__ == "__main__":
    main()
