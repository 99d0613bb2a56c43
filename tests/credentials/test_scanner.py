"""Secrets in any text: found however they are written, and told without showing them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from secret_lists import SHAPES, harmless
from secret_places import ANSWERED, PLACES, stored

from pytest_llm_extract.credentials.environment import environment_secrets
from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.errors import SecretFoundError, UsageError

KEY = "zq9" + "X4k-tango_77"  # of a shape that nobody knows
PLAIN = "tango/77+Zq9 x4K\"ö'"  # written otherwise in every coding
JSON = "application/json"


@pytest.mark.parametrize("before", ["", "x", "xy"])
@pytest.mark.parametrize("secret", [KEY, PLAIN, "line one\nline two 3"])
def test_a_secret_is_found_however_it_is_written(secret: str, before: str) -> None:
    """Raw, escaped once or twice, URL-encoded, in base64 at any offset, compressed; never printed."""
    inner = (before + secret + " after it").encode()
    texts = {
        "raw": secret,
        "JSON": json.dumps(secret),
        "JSON in JSON": json.dumps(json.dumps({"a": secret})),
        "URL": quote(secret, safe=""),
        "base64": base64.b64encode(inner).decode(),
        "urlsafe base64": base64.urlsafe_b64encode(inner).decode(),
        "gzip": base64.b64encode(gzip.compress(inner + b" and what makes it longer")).decode(),
        "zlib": base64.b64encode(zlib.compress(inner + b" and what makes it longer")).decode(),
    }
    for coding, text in texts.items():
        with pytest.raises(SecretFoundError) as error:
            Watch().refuse(f"interactions:\n- {text}\n", Path("c.yaml"), {"MY_TOKEN": secret})
        assert "c.yaml: not written: the value of $MY_TOKEN is in line" in str(error.value), coding
        assert secret not in str(error.value)


def test_which_values_of_the_environment_are_secrets() -> None:
    """By the name of the variable, and long and odd enough; parts of connection strings, URLs and JSON as well."""
    no_secrets = {
        "SHORT_KEY": "aB3",
        "WORD_SECRET": "abcdefghijklmno",
        "NUMBER_KEY": "1234567890123",
        "KEY_URL": "https://example.com/a/path",
        "KEY_FILE": "/etc/ssl/private/server.pem",
        "TOKEN_EXPIRES": "2026-11-24T13:00:00Z",
        "HOME": KEY,
    }
    assert environment_secrets(no_secrets) == {}
    dsn, account = f"postgres://me:{KEY}@db/x", f"AccountName=a;AccountKey={KEY}=="
    found = environment_secrets(
        {
            "DB_DSN": dsn,
            "STORAGE_CONNECTION_STRING": account,
            "GCP_CREDENTIALS": json.dumps({"a": {"private_key": KEY}}),
        }
    )
    assert found["DB_DSN"] == (KEY,)
    assert set(found["STORAGE_CONNECTION_STRING"]) == {account, f"{KEY}=="}
    assert KEY in found["GCP_CREDENTIALS"]
    assert environment_secrets({"PIN": "aB3456", "CI_KEY": KEY}, ("PIN",), ("CI_*",)) == {"PIN": ("aB3456",)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sk-proj-" + "a1B2" * 10, "an OpenAI key"),
        ("sk-ant-api03-" + "a1B2" * 10, "an Anthropic key"),
        ("AIza" + "a1B2_" * 7, "a Google API key"),
        ("AKIA" + "A1B2" * 4, "an AWS access key"),
        ("aws_secret_access_key = " + "a1B2/" * 8, "an AWS secret key"),
        ("Ocp-Apim-Subscription-Key: " + "0a" * 16, "an Azure key"),
        ("https://x/y?sv=1&sig=" + "aB3%2F" * 12, "an Azure SAS signature"),
        ("ghp_" + "a1B2" * 9, "a GitHub token"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("Authorization: Bearer abc.def-123456789012345", "a bearer token"),
        ("Basic " + base64.b64encode(b"me:pass word").decode(), "a user and password"),
        ("amqp://me:pass1word@host/x", "a password in a URL"),
        (f"eyJ{'a1' * 8}.eyJ{'b2' * 8}.{'c3' * 8}", "a JSON Web Token"),
    ],
)
def test_keys_are_known_by_their_shape(text: str, what: str) -> None:
    """Alone and within base64; a word in front of one, or a document that speaks of one, is none."""
    for found in (text, base64.b64encode(f"xx {text} ".encode()).decode()):
        with pytest.raises(SecretFoundError, match=what):
            Watch().refuse(f"a: {found}\n", Path("c.yaml"), {})
    Watch().refuse(
        "the task-force has basic knowledge of bearer bonds, key: none, sk-learn, https://a:80/x", Path("c"), {}
    )


def test_the_place_of_a_secret_is_told_in_words() -> None:
    """Line, exchange, part and JSON path; also where only the whole stream holds it."""
    body = ["{", '  "a": [', "    1,", f'    "{KEY}"', "  ]", "}"]
    head = ["x_llm_extract:", "  case: a", "interactions:", "- request:", "    body: |-"]
    text = "\n".join([*head, *(f"      {line}" for line in body)])
    found = Watch().find(text, {"A_KEY": KEY})
    assert [str(one) for one in found] == ["the value of $A_KEY is in line 9 (interaction 1, request body, a[1])"]


def test_texts_for_people_say_what_is_hidden() -> None:
    """Whole, cut off at either end, or as what a pattern of the project matches."""
    watch = Watch.of(["re:CUST-[0-9]{6}", "!re:CUST-0{6}"], "ini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_KEY", KEY * 2)
        assert watch.hide(f"a {KEY * 2} b {KEY}") == "a [hidden: the value of $A_KEY] b [hidden: the value of $A_KEY]"
        assert watch.hidden({"a": [f"…{KEY}", 1, None]}) == {"a": ["…[hidden: the value of $A_KEY]", 1, None]}
    assert watch.hide("CUST-123456, CUST-000000") == "[hidden: what re:CUST-[0-9]{6} matches], CUST-000000"
    literal = Watch.of(["re:CUST-123456"], "ini")
    assert literal.hide(literal.hide("CUST-123456")) == "[hidden: what a pattern matches]"


@pytest.mark.parametrize("entry", ["re:(", "re:x*", "12", "a b"])
def test_an_entry_that_means_nothing_is_refused(entry: str) -> None:
    """One line that names the ini and the entry."""
    with pytest.raises(UsageError, match="ini llm_extract_secrets"):
        Watch.of([entry], "ini llm_extract_secrets")


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
