"""Clients that are given a token instead of a key: the placeholder that they find as well is never sent."""

from __future__ import annotations

import pytest
from standin import StandIn

TOKEN = "tok-a8f3Kq92mXz71LpW"
MODULE = f"""
import os, pytest, requests
from openai import AzureOpenAI, OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def azure(**credentials):
    endpoint = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
    return AzureOpenAI(azure_endpoint=endpoint, api_version="2024-10-21", max_retries=0, **credentials)

def with_header(name, value):
    return OpenAI(max_retries=0, default_headers={{name: value}})

CLIENTS = {{
    "token provider": lambda: azure(azure_ad_token_provider=lambda: "{TOKEN}"),
    "token provider, no key": lambda: azure(api_key=None, azure_ad_token_provider=lambda: "{TOKEN}"),
    "token": lambda: azure(azure_ad_token="{TOKEN}"),
    "azure, header": lambda: azure(default_headers={{"Authorization": "Bearer {TOKEN}"}}),
    "header of a gateway": lambda: with_header("api-key", "{TOKEN}"),
    "nothing": lambda: OpenAI(max_retries=0),
    "cookie": lambda: with_header("Cookie", "session={TOKEN}"),
}}

def messages(text):
    return [{{"role": "user", "content": text}}]

def read(text) -> Item:
    if text == "plain":
        headers = {{"Authorization": f"Bearer {{os.environ['OPENAI_API_KEY']}}", "x-api-key": "{TOKEN}"}}
        url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
        answer = requests.post(url, json={{"model": "m", "messages": messages(text)}}, headers=headers).json()
        return Item.model_validate_json(answer["choices"][0]["message"]["content"])
    answer = CLIENTS[text]().chat.completions.create(model="m", messages=messages(text))
    return Item.model_validate_json(answer.choices[0].message.content)

CASES = [{{"id": id, "input": id, "expected": {{"name": "bolt"}}}} for id in [*CLIENTS, "plain"]]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output
"""


@pytest.mark.slow
def test_a_token_is_sent_without_the_placeholder_beside_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token providers, tokens, headers of a gateway; only a client that has nothing needs a key."""
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    pytester.makepyfile(test_items=MODULE)
    with StandIn(lambda body: '{"name": "bolt"}') as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        run = pytester.runpytest_subprocess("--llm-record")
    run.assert_outcomes(passed=6, failed=3)
    run.stdout.fnmatch_lines(["MISSING: not recorded: recording needs OPENAI_API_KEY (2 cases: *"])
    assert len(provider.headers) == 6
    for headers in provider.headers:
        sent = [headers[name] for name in ("authorization", "api-key", "x-api-key") if name in headers]
        assert [value.removeprefix("Bearer ") for value in sent] == [TOKEN]
    pytester.runpytest_subprocess("-n2").assert_outcomes(passed=6, failed=3)
    assert all(TOKEN not in path.read_text() for path in pytester.path.rglob("*.yaml"))
