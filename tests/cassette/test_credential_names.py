"""Which names and headers carry a credential, and what is said of values that are taken out of a document."""

from __future__ import annotations

import json

import pytest
from vcr.request import Request

from pytest_llm_extract.cassette.scrub.scrubber import Scrubber, credentials_of
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.credentials.environment import environment_secrets
from pytest_llm_extract.credentials.names import word_set

SECRET = "zq9" + "X4k-tango_77"
CARRIES = word_set(
    """
    authorization proxy-authorization x-api-key api-key x-goog-api-key ocp-apim-subscription-key x-functions-key
    x-auth-token x-auth-key x-access-token x-amz-security-token x-amz-credential cookie set-cookie x-csrf-token
    x-xsrf-token x-session-id x-portkey-api-key x-portkey-virtual-key x-portkey-config helicone-auth
    x-litellm-key cf-aig-authorization cf-access-client-secret cf-access-client-id x-vault-token private-token
    job-token deploy-token x-gitlab-token x-github-token x-hf-token x-wandb-api-key x-databricks-token
    x-snowflake-authorization-token x-ms-authorization-auxiliary x-ms-token-aad-access-token x-consul-token
    x-rapidapi-key x-mashape-key x-algolia-api-key x-shopify-access-token x-plex-token x-figma-token
    x-postmark-server-token x-mailgun-signature x-honeycomb-team dd-api-key dd-application-key nylas-token
    x-jwt-assertion x-forwarded-access-token x-acme-pass x-tenant signature x-signature authentication
    """
)
HARMLESS = {
    "user-agent": "OpenAI/Python 3.57.0",
    "x-stainless-lang": "python-3.11.7-x64",
    "anthropic-version": "2023-06-01-preview",
    "anthropic-beta": "output-128k-2025-02-19",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "x-request-id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "idempotency-key": "stainless-python-retry-4bf92f35-77b3-4da6",
    "content-length": "123456789012",
    "accept-encoding": "gzip-deflate-br-zstd-1",
    "x-amz-date": "20261130T120000Z",
    "x-tenant": "acme-corporation",
    "x-department": "Accounting and Tax 2026",
}


def _asked(**headers: str) -> Request:
    return Request("POST", "https://api.example/v1", b"{}", headers)


def test_every_header_that_is_not_harmless_counts_as_a_credential() -> None:
    """Those of clouds, gateways and houses, whatever they are called."""
    for header in CARRIES:
        sent = Scrubber(Storage()).request(_asked(**{header: f"s={SECRET}" if "cookie" in header else SECRET}))
        assert sent is not None
        assert sent.credentials == {SECRET: f"header {header!r}"}
        assert SECRET not in str(sent.headers)


def test_harmless_headers_count_for_nothing() -> None:
    """Versions, tracing, sizes; of an unknown one, a name in words. No unknown one stands in for a missing key."""
    sent = Scrubber(Storage()).request(_asked(**HARMLESS))
    assert sent is not None
    assert sent.credentials == {}
    assert credentials_of(_asked(**{"x-tenant": SECRET})) == {}


def test_variables_are_known_by_their_words() -> None:
    """`KEY` in a word, and a key of a model, a keyboard or a table, is none."""
    secret = word_set("OPENAI_API_KEY PGPASSWORD HFTOKEN SECRET_KEY_BASE OPENAI_KEY_1 MYSQL_PWD LICENSEKEY githubToken")
    harmless = word_set("KEYBOARD_LAYOUT MODEL_KEY WHISKEY TOKENIZERS_PARALLELISM AZURE_KEY_VAULT_NAME COMPASS AUTHOR")
    assert list(environment_secrets(dict.fromkeys([*secret, *harmless], SECRET))) == sorted(secret)


TAKEN = {
    '{"hf_token": "%s", "a": 1}': "hf_token",
    '{"github_token": "%s"}': "github_token",
    '{"auth_key": "%s"}': "auth_key",
    '{"headers": [{"name": "api_key", "value": "%s"}, {"name": "city", "value": "Ulm"}]}': "api_key",
    '{"headers": [{"value": "%s", "name": "X-Api-Key"}]}': "X-Api-Key",
    '{"text": "{\\"key\\": \\"password\\", \\"value\\": \\"%s\\"}"}': "password",
}
STAY = [
    {"KEYBOARD_LAYOUT": SECRET, "MODEL_KEY": "gpt-4o-Mini-2024-07-18-Preview", "WHISKEY": SECRET},
    {"name": "city", "value": SECRET, "properties": {"password": {"type": "string"}}},
    [{"name": "api_key", "type": "string"}, {"name": "b", "value": SECRET}],
    {"product_key": "bolts and nuts", "cache_key": "0a" * 16, "eos_token": "</s>"},
]


@pytest.mark.parametrize("body", TAKEN)
def test_what_is_taken_out_of_a_body_is_named(body: str) -> None:
    """By the name of the member, or by the name beside its value."""
    sent = Scrubber(Storage()).request(Request("POST", "https://api.example/v1", body % SECRET, {}))
    assert sent is not None
    assert sent.body.decode() == body % "REDACTED"
    assert sent.scrubbed == (f"{TAKEN[body]} (request)",)


@pytest.mark.parametrize("body", STAY)
def test_names_that_only_sound_like_credentials_keep_their_values(body: object) -> None:
    """Nothing is altered, and nothing is named."""
    sent = Scrubber(Storage()).request(Request("POST", "https://api.example/v1", json.dumps(body), {}))
    assert sent is not None
    assert (json.loads(sent.body), sent.scrubbed) == (body, ())
