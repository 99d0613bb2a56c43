"""Near-duplicates among 10,000 documents of 2 KB: time, recall at 2.5 % noise, false pairs of templated invoices.

`python benchmarks/near_duplicates.py` makes 9,000 documents of words in natural proportions, 500 noisy copies of some
of them (each character changed, dropped or doubled with probability 2.5 %), and 500 noisy copies of invoices; then
10,000 invoices of ten templates, which differ in names, numbers and dates only.
"""

from __future__ import annotations

import argparse
import time
from random import Random
from string import ascii_lowercase, digits

from pytest_llm_extract.lints.near_duplicates import near_duplicates

NOISE = 0.025


def words(random: Random, count: int = 20_000) -> list[str]:
    """Invented words."""
    return ["".join(random.choices(ascii_lowercase, k=random.randint(2, 11))) for _ in range(count)]


def document(random: Random, vocabulary: list[str], weights: list[float], length: int = 2_000) -> str:
    """Words in natural proportions, about `length` characters."""
    return " ".join(random.choices(vocabulary, weights, k=length // 7))[:length]


def noisy(random: Random, text: str, share: float = NOISE) -> str:
    """A text as OCR would have read it."""
    alphabet = ascii_lowercase + digits
    pieces = []
    for ch in text:
        if random.random() >= share:
            pieces.append(ch)
        else:
            pieces.append(random.choice((random.choice(alphabet), "", ch + ch)))
    return "".join(pieces)


def invoice(random: Random, template: str, vocabulary: list[str]) -> str:
    """An invoice of a template: everything that a buyer cares for is its own, 95 % of its text is not."""
    name = " ".join(random.sample(vocabulary, 2)).title()
    rows = [f"{random.choice(vocabulary)} {random.randint(1, 9)} {random.uniform(1, 900):.2f}" for _ in range(4)]
    number, day = random.randint(10_000, 99_999), f"2026-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    return template.format(name=name, number=number, day=day, rows="\n".join(rows), total=random.uniform(9, 9_000))


def templates(random: Random, vocabulary: list[str], weights: list[float]) -> list[str]:
    """Ten forms of invoices with long terms of payment."""
    head = "{name}\nInvoice no. {number}\nDate {day}\n{rows}\nTotal {total:.2f}\n"
    return [head + document(random, vocabulary, weights, 1_800) for _ in range(10)]


def main() -> None:
    """Print three figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    n = parser.parse_args().documents
    random = Random(1)
    vocabulary = words(random)
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    originals = [document(random, vocabulary, weights) for _ in range(n * 9 // 10)]
    forms = templates(random, vocabulary, weights)
    originals += [invoice(random, random.choice(forms), vocabulary) for _ in range(n // 20)]
    first, last = range(n // 40), range(len(originals) - n // 40, len(originals))
    copied = [*first, *last]  # half of them invoices
    texts = originals + [noisy(random, originals[at]) for at in copied]
    start = time.perf_counter()
    found = near_duplicates(texts)
    took = time.perf_counter() - start
    true = {(at, len(originals) + copy) for copy, at in enumerate(copied)}
    pairs = {(pair.one, pair.other) for pair in found}
    print(f"{len(texts):,} documents, {sum(map(len, texts)) / len(texts) / 1000:.1f} KB: {took:.1f} s")
    words_found, invoices_found = (sum((at, other) in pairs for at, other in true if at in of) for of in (first, last))
    print(f"recall at {NOISE:.1%} noise: {len(pairs & true) / len(true):.3f} ", end="")
    print(f"(texts {words_found / len(first):.3f}, templated invoices {invoices_found / len(last):.3f})")
    print(f"false pairs: {len(pairs - true)}")
    for count in (40, 400, n):
        invoices = [invoice(random, random.choice(forms), vocabulary) for _ in range(count)]
        start = time.perf_counter()
        false = near_duplicates(invoices)
        took = time.perf_counter() - start
        print(f"false pairs among {count:,} templated invoices: {len(false)} ({took:.1f} s)")


if __name__ == "__main__":
    main()
