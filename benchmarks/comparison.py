"""How often the comparison of variants is right, on simulated variants, and how long it takes.

`python benchmarks/comparison.py` simulates 8 fields whose errors go together within a document. Where one variant is 5
points better: how often it alone is the set of best. Where all are equal: how often a given one of them stays in the
set, and how often any claim is made. Then the time of 30 variants × 500 cases × 15 fields.
"""

from __future__ import annotations

import argparse
import time
from random import Random
from statistics import NormalDist

from pytest_llm_extract.comparison.claims import best_set, expected_of_winner, tested_claims
from pytest_llm_extract.comparison.differences import find_differences
from pytest_llm_extract.comparison.scores import Scores

ALPHA = 0.05
ALIKE, OF_DOCUMENT = 0.7, 0.25  # shares of the variance of difficulty that variants, and fields, have in common


def simulate(random: Random, n_variants: int, n_cases: int, n_fields: int, better: float = 0.0) -> Scores:
    """Variants with 80 % accuracy; the first one has `better` more. Their errors go together.

    How hard a field is to read is normal: a quarter of its variance is the document's, `ALIKE` less that quarter the
    field's in that document, which all variants meet, and the rest the variant's own.
    """
    names = [f"v{number}" for number in range(n_variants)]
    fields = [f"f{number}" for number in range(n_fields)]
    limits = {name: NormalDist().inv_cdf(0.8 + better * (name == "v0")) for name in names}
    spreads = (OF_DOCUMENT**0.5, (ALIKE - OF_DOCUMENT) ** 0.5, (1 - ALIKE) ** 0.5)
    by_field: dict[str, dict[str, list[int]]] = {name: {field: [] for field in fields} for name in names}
    for _ in range(n_cases):
        document = random.gauss(0, spreads[0])
        for field in fields:
            hard = document + random.gauss(0, spreads[1])
            for name in names:
                by_field[name][field].append(int(hard + random.gauss(0, spreads[2]) < limits[name]))
    total = {name: [sum(column) for column in zip(*found.values(), strict=True)] for name, found in by_field.items()}
    groups = tuple((f"c{number}",) for number in range(n_cases))
    return Scores(groups, by_field, total, 1, n_cases * n_fields)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    random = Random(1)
    print(f"{rounds} rounds, 8 fields, alpha {ALPHA}")
    print("variants  cases   only best (+5)   best in set (equal)   false claim (equal)")
    for n_variants, n_cases in ((2, 40), (5, 120), (10, 120)):
        fields = [f"f{number}" for number in range(8)]
        only = kept = false = 0
        for _ in range(rounds):
            only += best_set(simulate(random, n_variants, n_cases, 8, 0.05).total, ALPHA) == ("v0",)
            equal = simulate(random, n_variants, n_cases, 8)
            kept += "v0" in best_set(equal.total, ALPHA)
            false += any(claim.p_adj <= ALPHA for claim in tested_claims(equal, "v0", fields))
        shares = (only / rounds, kept / rounds, false / rounds)
        print(f"{n_variants:8}  {n_cases:5}   {shares[0]:14.0%}   {shares[1]:19.1%}   {shares[2]:19.1%}")
    scores = simulate(random, 30, 500, 15)
    fields = [f"f{number}" for number in range(15)]
    start = time.perf_counter()
    best_set(scores.total, ALPHA)
    tested_claims(scores, "v0", fields)
    find_differences(scores, "v0", fields, ALPHA)
    expected_of_winner(scores.total)
    print(f"30 variants x 500 cases x 15 fields: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
