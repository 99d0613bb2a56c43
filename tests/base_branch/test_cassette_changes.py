"""Two recordings of the same requests: another answer and another host are told, other requests are not."""

from __future__ import annotations

from pathlib import Path

from pytest_llm_extract.base_branch.cassettes import compare
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.save import cassette_text


def cassette(answer: str = "{}", host: str = "api.example", body: str = '{"model": "m"}') -> bytes:
    """One exchange, as it is stored."""
    headers = {"content-type": ["application/json"]}
    exchange = Exchange("POST", f"https://{host}/v1", {}, body.encode(), 200, "OK", headers, answer.encode())
    return cassette_text(Path("c1.yaml"), Recording((exchange,), "c1"), {}).encode()


def kinds(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """What differs."""
    return [(change.kind, change.case) for change in compare(before, after)]


def test_answer_and_host_are_compared_where_the_request_is_the_same() -> None:
    """By what the files hold, whatever they count."""
    assert kinds(cassette(), cassette()) == []
    assert kinds(cassette(), cassette('{"a": 1}')) == [("answer", "c1")]
    assert kinds(cassette(), cassette(host="mirror.example")) == [("host", "c1")]
    assert kinds(cassette(), cassette('{"a": 1}', body='{"model": "n"}')) == []
    assert kinds(cassette(), b"not a cassette") == []
