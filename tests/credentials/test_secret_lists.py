"""No key of a well-known shape is kept, harmless texts are; `benchmarks/kept_secrets.py` counts them."""

from __future__ import annotations

import json

import pytest
from secret_lists import SHAPES, harmless
from secret_places import ANSWERED, PLACES, stored


@pytest.mark.parametrize("place", PLACES)
def test_no_place_of_an_exchange_keeps_a_secret(place: str) -> None:
    """Three shapes in each: streams of every API, encodings, names, addresses."""
    kept = [shape for shape in list(SHAPES)[:: len(SHAPES) // 2] if stored(*PLACES[place](SHAPES[shape])) == "kept"]
    assert kept == []


def test_no_shape_of_a_secret_is_kept() -> None:
    """Each in a prompt and in a stream."""
    places = ("coding: plain", "stream: Ollama chat")
    assert [shape for shape in SHAPES for name in places if stored(*PLACES[name](SHAPES[shape])) == "kept"] == []


def test_harmless_texts_are_kept_as_they_are() -> None:
    """Order numbers, hashes, placeholders and documents that speak of keys are neither refused nor altered."""
    texts = list(harmless())
    assert len(texts) >= 300
    asked = [json.dumps({"messages": [{"role": "user", "content": text}]}).encode() for text in texts]
    assert [text for text, body in zip(texts, asked, strict=True) if stored({"body": body}, ANSWERED) != "kept"] == []
