"""Texts of strangers cost time in proportion to their length: twice as long takes at most 2.5 times as long."""

from __future__ import annotations

import base64
import time
import tracemalloc
from collections.abc import Callable

import pytest
from costs import cost_s
from pydantic import BaseModel

from pytest_llm_extract import Text, Tolerance, score
from pytest_llm_extract.cassette.scrub.credential_names import without_keys
from pytest_llm_extract.cassette.scrub.json_text import Rules, rewrite
from pytest_llm_extract.cassette.scrub.redaction import Redaction
from pytest_llm_extract.credentials.key_patterns import shapes_in
from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.formats.fences import without_fence
from pytest_llm_extract.lints.near_duplicates import near_duplicates
from pytest_llm_extract.lints.occurrence import Searchable

_NOISE_S = 0.05
WATCH = Watch()
# A beginning, and what follows it again and again.
TEXTS = {
    "azure": ("key ", "azure"),
    "secret key": ("", "secretkey "),
    "private key": ("-----BEGIN ", "A "),
    "private keys": ("", "-----BEGIN PRIVATE KEY-----"),
    "address": ("://", "a"),
    "addresses": ("", "://a:"),
    "basic": ("", "basic "),
    "bearer": ("bearer ", "a"),
    "openai": ("sk-", "a-"),
    "slack": ("xoxb-", "a-"),
    "jwt": ("eyJ", "eyJaaaaaaaaaa."),
    "sas": ("", "sig=a"),
    "cut-off JSON": ('{"a": "', '\\"'),
    "quotes": ("", '"a'),
    "backslashes": ('"', "\\\\"),
    "spaces": ("", " "),
    "spaces after a broken line": ("a \n", " "),
    "base64": ("", "QUJD"),
    "lines of base64": ("", "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\n"),
    "pieces": ("data: {", '"text": "a'),
    "cut-off pieces": ("data: ", '"content":"\\'),
    "nesting": ("", "["),
    "percent": ("", "%41"),
    "hex": ("", "6b65"),
    "hex with colons": ("", "6b:"),
    "base32": ("", "ME2DQ"),
    "entities": ("", "&#107;"),
    "nulls": ("", "k\0"),
    "broken lines": ("", "ab\n"),
    "values": ("{", '"value": "a", '),
    "names": ("{", '"name": "api_key", "value": "a", '),
    "assigned": ("", "api_key=aB3"),
    "telegram": ("", "1234567890:AA"),
    "azure secret": ("", "aB8Q~"),
    "escapes": ("", "\\u0022"),
    "form": ("", "a=b&"),
    "tags": ("", "<a "),
    "files": ("", "data:a/a;base64,"),
    "lines": ("", "\n{"),
}
READERS: dict[str, Callable[[str], object]] = {
    "shapes": lambda text: list(shapes_in(text)),
    "hide": WATCH.hide,
    "find": WATCH.find,
    "rewrite": lambda text: rewrite(
        text, Rules(lambda name, value: None, lambda name: False, lambda name: True, lambda *_: None, "X")
    ),
    "redact": lambda text: Redaction().body(text.encode()),
    "redact an error": lambda text: Redaction(is_error=True).body(text.encode()),
    "keys": without_keys,
}


def check_growth(function: Callable[[int], object], n: int) -> None:
    """Compare the costs of n and of twice as much; another process may disturb two tries of three."""
    for _ in range(3):
        small, large = cost_s(lambda: function(n)), cost_s(lambda: function(2 * n))
        if large <= 2.5 * small + _NOISE_S:
            return
    raise AssertionError(f"{n:,}: {small:.3f} s; {2 * n:,}: {large:.3f} s")


@pytest.mark.parametrize("reader", READERS)
def test_readers_of_strange_texts_are_linear(reader: str) -> None:
    """Whatever the text repeats, of 20,000 characters and of twice as many."""
    for begin, unit in TEXTS.values():

        def read(n: int, begin: str = begin, unit: str = unit) -> object:
            return READERS[reader](begin + unit * (n // len(unit)))

        check_growth(read, 20_000)


@pytest.mark.parametrize(
    ("read", "begin", "unit"),
    [
        (without_fence, "```json\n", " "),
        (lambda text: near_duplicates([f"{text} a", f"{text} b"]), "", "1,"),
        (lambda text: Searchable(text).holds("2026-01-14"), "", "QUJD"),
    ],
)
def test_documents_and_answers_are_read_in_linear_time(read: Callable[[str], object], begin: str, unit: str) -> None:
    """An answer that ends in blanks, a row of numbers, a word without an end."""
    check_growth(lambda n: read(begin + unit * (n // len(unit))), 20_000)


def test_a_secret_in_a_large_text_is_found_and_located() -> None:
    """As it is, by its line; encoded, without one."""
    environ = {"MY_API_KEY": "Zx9fooBARbaz1234567890qwe"}
    lines = "\n".join(["a line of a document"] * 60_000)
    start = time.process_time()
    found = WATCH.find(f"{lines}\n{environ['MY_API_KEY']}\n{lines}", environ)
    assert [(finding.secret, finding.line) for finding in found] == [("the value of $MY_API_KEY", 60_001)]
    encoded = WATCH.find(f"{lines}\n{environ['MY_API_KEY'].encode().hex()}\\u005ax9fooBARbaz1234567890qwe", environ)
    assert "where it is encoded" in str(encoded[0])
    assert time.process_time() - start < 20


@pytest.mark.parametrize("unit", ["a line of a document\n", base64.b64encode(bytes(range(256))).decode()])
def test_memory_is_a_few_times_the_text(unit: str) -> None:
    """What is decoded is looked through and let go."""
    text = unit * (100_000 // len(unit))
    tracemalloc.start()
    try:
        WATCH.find(text, {})
        assert tracemalloc.get_traced_memory()[1] < 25 * len(text)
    finally:
        tracemalloc.stop()


class Numbers(BaseModel):
    """Values to be compared with a tolerance, and a text."""

    values: list[float] = []
    text: str = ""


@pytest.mark.parametrize("tolerance", [1, 10_000])
def test_tolerant_numbers_are_matched_in_less_than_square_time(tolerance: int) -> None:
    """Values that are equal to their neighbours only, and values that are all equal."""

    def compare(n: int) -> None:
        gold, predicted = [i * 0.9 for i in range(n)], [i * 0.9 + 0.45 for i in range(n)]
        found = score({"values": gold}, {"values": predicted}, Numbers, {"values[]": Tolerance(abs=tolerance)})
        assert found.counts["values[]"].correct == n

    check_growth(compare, 1500)


def test_long_texts_are_compared_by_their_words() -> None:
    """A text of a million characters does not take the square of them."""

    def compare(n: int) -> None:
        one, other = "bolt nut " * (n // 9), "nut bolt " * (n // 9)
        found = score({"text": one}, {"text": other}, Numbers, {"text": Text(min_ratio=0.9)})
        assert found.counts["text"].correct == 1

    check_growth(compare, 500_000)
