"""The one-sided exact sign-flip test of paired changes.

If nothing changed between two runs, each case's change d was as likely to come out as -d. So the observed sum is
compared with the sums of all 2**n ways of flipping the signs (Fisher 1935, The Design of Experiments, section 21).
With |d| = 1 throughout this is the exact one-sided McNemar test (McNemar 1947, Psychometrika 12:153).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import gcd, lcm
from random import Random
from typing import NamedTuple

FLIPS = 99_999
SEED = 20_471
_ALL = (1 << FLIPS) - 1
MAX_SUMS = 200_000
MAX_BYTES = 500_000_000  # moved, about half a second; at most a tenth of it is held at once


class SignFlip(NamedTuple):
    """Result of one test: its p, and every p that it could have had with these |d|.

    Those are a table, ascending, or the sampled flips that they are read from; neither where nothing changed.
    """

    p: float
    table: tuple[float, ...] = ()
    flips: _Flips | None = None

    @property
    def moved(self) -> bool:
        """Whether anything changed."""
        return bool(self.table) or self.flips is not None

    def attainable(self, x: float) -> float:
        """The largest p <= x that this test can attain: F(x) of the step-down; 0.0 when there is none."""
        if self.flips is not None:
            return self.flips.attainable(x)
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
    """99,999 random flips, all at once: a number with a bit for each flip says where a moved case gained.

    Cases of one size are counted before the count is weighed by the size, and taken in powers of two, which all tests
    of a suite have in common.
    """
    taken: Counter[int] = Counter()
    totals = _Lanes()
    for size, count in sorted(sizes.items()):
        gains = _Lanes()
        for power in _digits(count):
            gains.add_all(_coins(power, taken[power]))
            taken[power] += 1
        for digit in _digits(size):
            totals.add_all(gains.planes(), digit)
    flips = _Flips(totals.planes())
    return SignFlip(_share(flips.count_upto(gained)), flips=flips)


def _digits(number: int) -> list[int]:
    """The places of its binary ones."""
    return [place for place in range(number.bit_length()) if number >> place & 1]


@lru_cache(maxsize=2048)
def _coins(power: int, number: int) -> tuple[int, ...]:
    """How many of 2**power cases gained in each flip, as planes; every `number` names other cases."""
    random = Random(f"{SEED} {power} {number}")
    gains = _Lanes()
    for _ in range(1 << power):
        gains.add(random.getrandbits(FLIPS))
    return gains.planes()


def _share(count: int) -> float:
    """The p of a sum that so many sampled sums do not exceed."""
    return (1 + count) / (FLIPS + 1)


class _Flips(NamedTuple):
    """The sums of all sampled flips: bit i of the plane at place k is worth 2**k in the i-th sum, the lowest first."""

    planes: tuple[int, ...]

    def count_upto(self, total: int) -> int:
        """How many sums are at most this."""
        if total >> len(self.planes):
            return FLIPS
        below, alike = 0, _ALL
        for place, plane in reversed(list(enumerate(self.planes))):
            ones = alike & plane
            if total >> place & 1:
                below, alike = below + (alike ^ ones).bit_count(), ones
            else:
                alike ^= ones
        return below + alike.bit_count()

    def attainable(self, x: float) -> float:
        """The largest p <= x of all sums; the smallest p belongs to the totals below every sampled one."""
        rank = min(FLIPS + 1, int(x * (FLIPS + 1)) + 1)
        while rank / (FLIPS + 1) > x:
            rank -= 1
        if rank > FLIPS:
            return 1.0
        return _share(self._count_below_rank(rank)) if rank else 0.0

    def _count_below_rank(self, rank: int) -> int:
        """How many sums are less than the one of this rank, which counts from 1 for the smallest."""
        below, alike = 0, _ALL
        for plane in reversed(self.planes):
            ones = alike & plane
            zeros = alike ^ ones
            n_zeros = zeros.bit_count()
            if below + n_zeros >= rank:
                alike = zeros
            else:
                below, alike = below + n_zeros, ones
        return below


class _Lanes:
    """Adds up planes."""

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

    def add_all(self, planes: Iterable[int], place: int = 0) -> None:
        """Add a number to every sum, from its planes, the lowest of which goes to `place`."""
        for higher, plane in enumerate(planes):
            self.add(plane, place + higher)

    def planes(self) -> tuple[int, ...]:
        """One plane for each place, the lowest first."""
        for place, column in enumerate(self._columns):  # grows while carries go up
            if len(column) == 2:
                self.add(0, place)
        return tuple(sum(column) for column in self._columns)
