"""Which documents are the same or nearly so, and which only share a form."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llm_extract.lints.near_duplicates import is_near, near_duplicates

WORDS = [a + b + c for a in "bdfkmprt" for b in "aeiou" for c in ("ling", "sen", "dor", "x", "mit", "ga")]
TERMS = "Payable within thirty days of receipt by transfer to the account below, without deduction of fees. " * 8


def letter(random: Random, n_words: int) -> str:
    """A document of its own."""
    return " ".join(random.choices(WORDS, k=n_words))


def noisy(random: Random, text: str) -> str:
    """A copy in which one character of forty was misread."""
    return "".join(random.choice("abcdefgh") if random.random() < 0.025 else ch for ch in text)


def invoice(random: Random) -> str:
    """An invoice of one form: its words are those of all others, its numbers are its own."""
    number, day = random.randint(10**5, 10**6), f"2026-0{random.randint(1, 9)}-1{random.randint(0, 9)}"
    lines = [f"{random.choice(WORDS)} {random.uniform(1, 999):.2f}" for _ in range(3)]
    return "\n".join([f"Invoice {number}", day, *lines, f"Total {random.uniform(9, 9999):.2f}", TERMS])


@pytest.mark.parametrize("n_words", [30, 300, 1000], ids=["short", "page", "long"])
def test_misread_copies_are_found(n_words: int) -> None:
    """Each of twenty noisy copies is found, and nothing else."""
    random = Random(1)
    texts = [letter(random, n_words) for _ in range(60)]
    texts += [noisy(random, text) for text in texts[:20]]
    assert {(pair.one, pair.other) for pair in near_duplicates(texts)} == {(at, 60 + at) for at in range(20)}


@pytest.mark.parametrize("count", [2, 5, 40, 300])
def test_a_shared_form_is_no_duplicate(count: int) -> None:
    """Invoices of one form are 95% the same text; their numbers tell them apart, however many there are."""
    random = Random(2)
    assert near_duplicates([invoice(random) for _ in range(count)]) == []


def test_a_misread_invoice_is_found_among_its_form() -> None:
    """The copy of one invoice is told from the others of its form."""
    random = Random(3)
    texts = [invoice(random) for _ in range(100)]
    [pair] = near_duplicates([*texts, noisy(random, texts[42])])
    assert (pair.one, pair.other) == (42, 100)
    assert 90 <= pair.similarity < 100


def test_white_space_and_case_do_not_count() -> None:
    """Copies that differ in nothing else are the same; an empty document is a duplicate of nothing."""
    found = near_duplicates(["A  bolt\nof steel", "", "a bolt of STEEL", "", "something else altogether"])
    assert [tuple(pair) for pair in found] == [(0, 2, 100.0)]


def test_many_copies_of_one_document() -> None:
    """Of sixty copies, which no word pair singles out, each is a duplicate of the first."""
    assert [(pair.one, pair.other) for pair in near_duplicates(["the very same text"] * 60)] == [
        (0, at) for at in range(1, 60)
    ]


@given(st.lists(st.text(max_size=60), max_size=12))
def test_pairs_are_in_order_and_of_two(texts: list[str]) -> None:
    """Any texts do: places are in order, and no document is a duplicate of itself."""
    for pair in near_duplicates(texts):
        assert 0 <= pair.one < pair.other < len(texts)
        assert 90 <= pair.similarity <= 100


def test_two_by_themselves() -> None:
    """The same question about two documents alone."""
    random = Random(4)
    text = letter(random, 200)
    assert is_near(text, noisy(random, text))
    assert not is_near(text, letter(random, 200))
    assert not is_near(invoice(random), invoice(random))
