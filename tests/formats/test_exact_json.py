"""Bodies are spread over lines only where that changes nothing of what they mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cassette_mutations import save

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.load import load


@pytest.mark.parametrize(
    ("body", "is_spread"),
    [
        ('{"a": 1.50}', True),
        ('{"a": 0.1234567890123456789}', False),
        ('{"a": 1e999}', False),
        ('{"a": 0e99999999999999999999}', False),
        ('{"a": NaN}', False),
        ('{"a": 1, "a": 2}', False),
        ("no json", False),
    ],
)
def test_a_body_keeps_what_it_means(tmp_path: Path, body: str, is_spread: bool) -> None:
    """A number that Python cannot hold, a name that occurs twice: the body is kept to the letter."""
    path = tmp_path / "c.yaml"
    exchange = Exchange("POST", "http://x/v1", {}, b"{}", 200, "OK", {}, body.encode())
    save(path, Recording((exchange,), "c"), {})
    found = load(path)
    assert found is not None
    text = found.exchanges[0].response_body.decode()
    assert "\n" in text if is_spread else text == body
    if is_spread:
        assert json.loads(text) == json.loads(body)
