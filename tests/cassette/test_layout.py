"""What a pull request shows of a cassette that was recorded again, and cassettes in the earlier format."""

from __future__ import annotations

import difflib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_llm_extract.cassette.file.checksum import seal
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.fast_load import read_as_written
from pytest_llm_extract.cassette.file.fingerprint import ORIGIN, VERSION, Scheme
from pytest_llm_extract.cassette.file.load import parse
from pytest_llm_extract.cassette.file.save import cassette_text
from pytest_llm_extract.errors import SecretFoundError
from pytest_llm_extract.formats.json_lines import on_lines

HEADERS = {"content-type": ["application/json"]}
ANSWER = {"vendor": "Ada", "total": 12.5, "items": [{"name": "bolt", "n": 4}, {"name": "nut", "n": 1}], "note": None}


def recording(prompt: str = "Read.", answer: Any = ANSWER, number: int = 1) -> Recording:
    """A chat completion whose answer has an id, a time and token counts of its own."""
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": "Invoice\nAda\n"}]
    body = {"model": "m", "messages": messages, "temperature": 0, "max_tokens": 200}
    message = {"role": "assistant", "content": json.dumps(answer), "refusal": None}
    usage = {"prompt_tokens": 90 + number, "completion_tokens": 9, "total_tokens": 99 + number}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = {"id": f"chatcmpl-{number}", "created": 1700000000 + number, "choices": [choice], "usage": usage}
    sent, answered = json.dumps(body).encode(), json.dumps(completion).encode()
    scheme = Scheme(VERSION)
    return Recording(
        (Exchange("POST", "https://h/v1/chat", HEADERS, sent, 200, "OK", HEADERS, answered, scheme=scheme),), "c0"
    )


def text_of(one: Recording, number: int = 1) -> str:
    """Its cassette."""
    hashes = dict.fromkeys(sorted(ORIGIN), "ab")
    facts = {"hashes": hashes, "attempt": number, "latency_s": 0.5 * number, "recorded": f"2026-11-2{number}T00:00:00"}
    return cassette_text(Path("c0.yaml"), one, facts)


def moved(before: str, after: str) -> list[str]:
    """The lines of a diff that the second text adds."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:].strip() for line in lines if line.startswith("+ ")]


def test_a_diff_shows_what_changed_and_little_else() -> None:
    """Prompt and answer; the rest are the seal, the line of the run, and three of the provider's answer."""
    new = {**ANSWER, "vendor": "Ada Whitlock"}
    lines = moved(text_of(recording()), text_of(recording("Copy the vendor.", new, 2), 2))
    assert '"vendor": "Ada Whitlock",' in lines
    assert '{"role": "system", "content": "Copy the vendor."},' in lines
    starts = ("seal:", "run:", '"vendor"', '{"role"', '"id"', '"message"', '"usage"')
    assert [line.startswith(begin) for line, begin in zip(lines, starts, strict=True)] == [True] * len(starts)
    assert len(text_of(recording()).splitlines()) < 60


def test_the_answer_is_shown_as_json() -> None:
    """A field a line, a row of a list a line; an answer that is not JSON is not shown."""
    shown = yaml.safe_load(text_of(recording()))["x_llm_extract"]["answer"]
    assert shown.splitlines() == [
        "{",
        '  "vendor": "Ada",',
        '  "total": 12.5,',
        '  "items": [{"name": "bolt", "n": 4}, {"name": "nut", "n": 1}],',
        '  "note": null',
        "}",
    ]
    assert "answer" not in yaml.safe_load(text_of(recording(answer="no idea")))["x_llm_extract"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner, max_size=9),
    max_leaves=40,
)


@given(JSON_VALUES, st.booleans())
def test_json_on_lines_is_the_same_json(value: Any, fills: bool) -> None:
    """In the same order."""
    assert json.dumps(json.loads(on_lines([value], fills=fills))) == json.dumps([value])


@given(st.text(), JSON_VALUES)
def test_a_cassette_says_what_was_recorded(case: str, answer: Any) -> None:
    """Whatever an answer holds, read by its shape or by the parser."""
    one = recording(answer=answer)._replace(case=case.encode("utf-8", "replace").decode())
    text = text_of(one)
    found = parse(text)
    assert read_as_written(text.encode()) in (None, found)
    assert (found.case, found.fingerprints) == (one.case, one.fingerprints)
    assert json.loads(found.exchanges[0].response_body) == json.loads(one.exchanges[0].response_body)


def test_cassettes_in_the_earlier_format_load_as_before() -> None:
    """Sealed or edited: with the same facts, fingerprints and bodies."""
    now = text_of(recording())
    data = yaml.safe_load(now)
    head = data["x_llm_extract"]
    old = {"format": 1, "case": head["case"], **head["run"], "model": "m-1", "system_fingerprint": None}
    rest = now[now.index("interactions:") :]
    lines = "".join(f"  {line}\n" for line in yaml.safe_dump(old, sort_keys=False).splitlines())
    text = seal(f"x_llm_extract:\n{lines}{rest}")
    found, new = read_as_written(text.encode()), parse(now)
    assert found is not None
    assert found == parse(text) == parse(text.replace("seal: sha256:", "seal: sha256:0"))._replace(meta=found.meta)
    assert found.exchanges == new.exchanges
    names = ("attempt", "fingerprints", "answers", "latency_s", "recorded")
    assert [found.meta[name] for name in names] == [new.meta[name] for name in names]


def test_a_secret_that_looks_like_a_digest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own digests are not searched; everything else is, and the place is exact where values share a line."""
    key = hashlib.sha256(b"a key").hexdigest()
    monkeypatch.setenv("ACME_KEY", key)
    with pytest.raises(SecretFoundError, match=r"\$ACME_KEY is in line 21 \(interaction 1, request body, messages"):
        text_of(recording(f"Use {key}."))
    with pytest.raises(SecretFoundError, match=r"\$ACME_KEY is in line 8 \(answer, vendor\)"):
        text_of(recording(answer={"vendor": key}))
    with pytest.raises(SecretFoundError, match=r"\$ACME_KEY is in line 5 "):
        cassette_text(Path("c0.yaml"), recording(), {"hashes": {"model": key}})
