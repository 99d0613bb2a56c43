"""Documents that are the same but for white space, or nearly the same: OCR noise, a corrected word.

Candidates share word pairs that few other documents have, by an inverted index over a sketch; `rapidfuzz.ratio` then
decides. Word pairs of a template are in many documents and count for nothing, and two invoices of one template differ
in their numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import NamedTuple
from zlib import crc32

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

SAME = 90.0  # percent of characters that two near-duplicates share, at least
_KEEP = 4  # of the word pairs of a long document, every fourth by its hash
_SHORT = 256  # words; a shorter document keeps all of its pairs
_COMMON, _RARE = 50, 5  # a pair in more documents than this is a template's; in small data the lower number counts
_SHARED = 6  # pairs that two candidates share, at least, where they have so many
_NUMBERS = 0.5  # the share of their long numbers that near-duplicates have in common, at least
_FEW_NUMBERS = 3  # of long ones: then short ones count too
_WORD = re.compile(r"\w+")
_WHOLE_NUMBER = re.compile(r"\b\d[\d.,/-]*\b")
_LONG_NUMBER = re.compile(r".+\w\w")  # of a run of numbers: up to its last two characters side by side
_NUMBERS_RUN = re.compile(r"\d[\w.,/-]*+")


class DocumentPair(NamedTuple):
    """Two documents by their places, and how alike they are in percent; 100 where only white space or case differs."""

    one: int
    other: int
    similarity: float


def plain(text: str) -> str:
    """A document without what does not tell two apart: case and white space."""
    return " ".join(text.casefold().split())


def text_digest(text: str) -> str:
    """sha256 of the plain form."""
    return hashlib.sha256(plain(text).encode("utf-8", "surrogatepass")).hexdigest()


def near_duplicates(texts: Sequence[str]) -> list[DocumentPair]:
    """Every pair of documents that are the same or nearly so, by place; of many equal ones, each with the first.

    Empty documents are duplicates of nothing.
    """
    shown = [plain(text) for text in texts]
    first: dict[str, int] = {}
    pairs = [
        DocumentPair(first[text], at, 100.0)
        for at, text in enumerate(shown)
        if text and first.setdefault(text, at) != at
    ]
    places = list(first.values())
    sketches = {at: _sketch(shown[at]) for at in places}
    common = _common(len(places))
    numbers = _rare_numbers({at: shown[at] for at in places}, common)
    for one, other in _candidates(sketches, common):
        ratio = _ratio(shown[one], shown[other])
        if ratio and not _are_others(shown[one], shown[other], numbers[one], numbers[other]):
            pairs.append(DocumentPair(one, other, ratio))
    return sorted(pairs)


class Neighbours:
    """The documents that are the same as another one or nearly so, by place, copies of copies among them."""

    def __init__(self, texts: Sequence[str]) -> None:
        pairs = near_duplicates(texts)
        self._first = {pair.other: pair.one for pair in pairs if pair.similarity == 100}
        self._copies: dict[int, list[int]] = {}
        for other, first in self._first.items():
            self._copies.setdefault(first, [first]).append(other)
        self._near: dict[int, dict[int, float]] = {}
        for one, other, ratio in pairs:
            if ratio < 100:
                self._near.setdefault(one, {})[other] = ratio
                self._near.setdefault(other, {})[one] = ratio

    def of(self, at: int) -> dict[int, float]:
        """Every neighbour of a document, with percent of likeness."""
        first = self._first.get(at, at)
        near = self._near.get(first, {}).items()
        return {
            **{copy: ratio for one, ratio in near for copy in self._copies.get(one, [one])},
            **{copy: 100.0 for copy in self._copies.get(first, ()) if copy != at},
        }


def _long_numbers(text: str) -> Counter[str]:
    """Whatever begins with a digit and has three characters or more, the last two of them side by side."""
    runs = map(_LONG_NUMBER.match, _NUMBERS_RUN.findall(text))
    return Counter(run[0] for run in runs if run is not None)


def similarity(one: str, other: str) -> float:
    """Percent of characters that two documents share, 0 to 100, case and white space aside."""
    return float(fuzz.ratio(plain(one), plain(other)))


def is_near(one: str, other: str) -> bool:
    """Whether two documents are the same or nearly so, seen by themselves: no template is known."""
    one, other = plain(one), plain(other)
    numbers = (_long_numbers(text) for text in (one, other))
    return bool(one and other) and bool(_ratio(one, other)) and not _are_others(one, other, *numbers)


def _ratio(one: str, other: str) -> float:
    """How alike two plain texts are; 0 below the limit."""
    return float(fuzz.ratio(one, other, score_cutoff=SAME))


def _common(n_documents: int) -> int:
    return min(_COMMON, max(_RARE, n_documents // 8))


def _sketch(text: str) -> frozenset[int]:
    """Hashes of the word pairs of a text; of a long one, every fourth."""
    words = [_hash(word) for word in _WORD.findall(text)]
    if len(words) == 1:
        return frozenset(words)
    hashes = {(31 * one + two) & 0xFFFFFFFF for one, two in pairwise(words)}
    return frozenset(hashes if len(words) < _SHORT else [one for one in hashes if one % _KEEP == 0])


@lru_cache(maxsize=1 << 16)
def _hash(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


def _candidates(sketches: Mapping[int, frozenset[int]], common: int) -> Iterable[tuple[int, int]]:
    """The places of documents that share enough pairs which few others have."""
    index: dict[int, list[int]] = {}
    for at, sketch in sketches.items():
        for feature in sketch:
            index.setdefault(feature, []).append(at)
    kept: Counter[int] = Counter()
    shared: Counter[tuple[int, int]] = Counter()
    for places in index.values():
        if len(places) <= common:
            kept.update(places)
            if len(places) > 1:
                shared.update(combinations(places, 2))
    for (one, other), n_shared in shared.items():
        if n_shared >= min(_SHARED, max(1, min(kept[one], kept[other]) // 2)):
            yield one, other


def _rare_numbers(shown: Mapping[int, str], common: int) -> dict[int, Counter[str]]:
    """The long numbers of each document that few others have: of its invoice number, dates and amounts."""
    numbers = {at: _long_numbers(text) for at, text in shown.items()}
    n_documents = Counter(number for in_one in numbers.values() for number in in_one)
    return {
        at: Counter({n: k for n, k in in_one.items() if n_documents[n] <= common}) for at, in_one in numbers.items()
    }


def _are_others(one: str, other: str, long_one: Counter[str], long_other: Counter[str]) -> bool:
    """Whether two documents that read alike are two: by their long numbers, or by all where there are few."""
    if min(long_one.total(), long_other.total()) >= _FEW_NUMBERS:
        return _other_numbers(long_one, long_other)
    return _other_numbers(*(Counter(_WHOLE_NUMBER.findall(text)) for text in (one, other)))


def _other_numbers(one: Counter[str], other: Counter[str]) -> bool:
    """Whether two documents differ in their numbers, as two invoices of one template do."""
    n_one, n_other = one.total(), other.total()
    if not min(n_one, n_other):
        return False
    shared, enough = 2 * (one & other).total(), _NUMBERS * (n_one + n_other)
    if shared < enough:  # a number in which one character was misread is the same one
        left = list((other - one).elements())
        for number in (one - other).elements():
            near = next((found for found in left if Levenshtein.distance(number, found, score_cutoff=1) <= 1), None)
            if near is not None:
                left.remove(near)
                shared += 2
    return shared < enough
