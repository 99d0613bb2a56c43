"""The one-sided exact sign-flip test of paired changes.

If nothing changed between two runs, each case's change d was as likely to come out as -d. So the observed sum is
compared with the sums of all 2**n ways of flipping the signs (Fisher 1935, The Design of Experiments, section 21).
With |d| = 1 throughout this is the exact one-sided McNemar test (McNemar 1947, Psychometrika 12:153).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import gcd, lcm
from random import Random

FLIPS = 99_999
SEED = 20_471
MAX_SUMS = 200_000
MAX_BYTES = 500_000_000  # moved, about half a second; at most a tenth of it is held at once


@dataclass(frozen=True)
class SignFlip:
    """Result of one test: its p, and every p that it could have had with these |d|, ascending."""

    p: float
    table: tuple[float, ...] = field(default=(), repr=False)

    def attainable(self, x: float) -> float:
        """The largest p <= x that this test can attain: F(x) of the step-down; 0.0 when there is none."""
        place = bisect_right(self.table, x)
        return self.table[place - 1] if place else 0.0


def sign_flip(changes: Sequence[Fraction | int]) -> SignFlip:
    """Did the sum of `changes` (one per case or cluster, negative = lost) fall by more than chance explains?

    p is P(sum of flipped |d| <= observed sum), 1.0 when nothing changed; zeros do not count. Sums are compared as
    integers, after scaling to a common denominator, and counts are divided only at the end. Exact as long as there
    are at most `MAX_SUMS` sums and the convolution moves at most `MAX_BYTES`; beyond that, 99,999 flips with a fixed
    seed, p = (1 + flips with a sum <= the observed one) / 100,000. |d| is sorted first, so that the order of cases,
    workers and shards does not matter.
    """
    scale = lcm(*(change.denominator for change in changes))
    moved = [change.numerator * (scale // change.denominator) for change in changes if change]
    if not moved:
        return SignFlip(1.0)
    unit = gcd(*moved)
    sizes = Counter(abs(change) // unit for change in moved)
    lost = -sum(change for change in moved if change < 0) // unit
    gained = _total(sizes) - lost
    if len(sizes) == 1:
        table = _binomial(len(moved))
        return SignFlip(table[gained], table)
    if _convolution_bytes(sizes) > MAX_BYTES or _total(sizes) > MAX_SUMS:
        return _sampled(sizes, gained)
    return _convolved(sizes, gained)


def _total(sizes: Counter[int]) -> int:
    return sum(size * count for size, count in sizes.items())


@lru_cache(maxsize=4096)
def _binomial(n: int) -> tuple[float, ...]:
    """P(at most k of n equal changes are gains), k = 0..n, each correctly rounded."""
    return _shares(_binomial_row(n), n)


def _binomial_row(n: int) -> Iterable[int]:
    ways = 1
    for k in range(n + 1):
        yield ways
        ways = ways * (n - k) // (k + 1)


def _shares(ways: Iterable[int], n: int) -> tuple[float, ...]:
    """Cumulative counts as shares of 2**n; Python rounds int / int correctly, so that equal p are equal floats."""
    total = 1 << n
    return tuple(count / total for count in accumulate(ways))


def _convolution_bytes(sizes: Counter[int]) -> int:
    """What `_convolved` moves: some ten passes over all sums, and one for each case outside the largest group."""
    n = sizes.total()
    return (n - max(sizes.values()) + 10) * (_total(sizes) + 1) * _width(n)


def _width(n: int) -> int:
    """Bytes that hold any count up to 2**n."""
    return n // 8 + 1


def _convolved(sizes: Counter[int], gained: int) -> SignFlip:
    """Exact: how many of the 2**n flips gain each total, all counts packed side by side into one integer."""
    n, width = sizes.total(), _width(sizes.total())
    common, count = max(sizes.items(), key=lambda item: item[1])
    row = bytearray(width * (common * count + 1))
    for k, ways in enumerate(_binomial_row(count)):
        row[k * common * width : k * common * width + width] = ways.to_bytes(width, "little")
    packed = int.from_bytes(row, "little")
    for size in sizes.elements():
        if size != common:
            packed += packed << (8 * width * size)
    total = _total(sizes)
    data = packed.to_bytes(width * (total + 1), "little")
    counts = [int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)]
    reached = [gain for gain, ways in enumerate(counts) if ways]
    table = _shares((counts[gain] for gain in reached), n)
    return SignFlip(table[bisect_right(reached, gained) - 1], table)


def _sampled(sizes: Counter[int], gained: int) -> SignFlip:
    """99,999 random flips, all at once: a moved case is an integer with a bit for each flip, 1 where it gained.

    Cases of one size are counted before the count is weighed by the size, so that a case costs one addition.
    """
    random = Random(SEED)
    totals = _Lanes()
    for size, count in sorted(sizes.items()):
        gains = _Lanes()
        for _ in range(count):
            gains.add(random.getrandbits(FLIPS))
        for place, plane in enumerate(gains.planes()):
            for digit in range(size.bit_length()):
                if size >> digit & 1:
                    totals.add(plane, place + digit)
    rows = [format(plane, f"0{FLIPS}b") for plane in reversed(totals.planes())]
    found = Counter(map("".join, zip(*rows, strict=True)))
    # All are equally long, so that they sort as numbers do.
    digits = sorted(found)
    # The smallest p belongs to the totals below every sampled one.
    table = tuple(count / (FLIPS + 1) for count in accumulate((found[text] for text in digits), initial=1))
    return SignFlip(table[bisect_right(digits, gained, key=lambda text: int(text, 2))], table)


class _Lanes:
    """Sums of many numbers side by side: bit i of a plane at place k is worth 2**k in the i-th sum."""

    def __init__(self) -> None:
        self._columns: list[list[int]] = []

    def add(self, plane: int, place: int = 0) -> None:
        """Add one bit to every sum; three planes of one place become one there and one at the next."""
        while True:
            while place >= len(self._columns):
                self._columns.append([])
            column = self._columns[place]
            column.append(plane)
            if len(column) < 3:
                return
            a, b, c = column
            self._columns[place] = [a ^ b ^ c]
            plane, place = a & b | (a ^ b) & c, place + 1

    def planes(self) -> list[int]:
        """One plane for each place, the lowest first."""
        for place, column in enumerate(self._columns):  # grows while carries go up
            if len(column) == 2:
                self.add(0, place)
        return [sum(column) for column in self._columns]
