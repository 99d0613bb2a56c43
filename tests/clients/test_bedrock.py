"""A client of boto3 in a run without AWS credentials, files or roles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from standin import StandIn

from pytest_llm_extract.credentials.placeholder_key import missing_keys, note_recording, placeholder_key

SUITE = """
import os
import boto3
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

address = os.environ.get("BEDROCK_ADDRESS", "http://127.0.0.1:9")
client = boto3.client("bedrock-runtime", region_name="eu-central-1", endpoint_url=address)

def read(text) -> Item:
    messages = [{"role": "user", "content": [{"text": text}]}]
    answer = client.converse(modelId="amazon.nova-lite-v1:0", messages=messages)
    return Item.model_validate_json(answer["output"]["message"]["content"][0]["text"])

CASES = [{"id": "c0", "input": "bolt", "expected": {"name": "bolt"}}]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output.name == "bolt"
"""


def converse(body: dict[str, Any]) -> dict[str, Any]:
    """An answer of Bedrock."""
    message = {"role": "assistant", "content": [{"text": '{"name": "bolt"}'}]}
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}


def test_placeholder_of_aws_is_for_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both variables, and neither while a run records, nor beside real ones."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in (*names, "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    with placeholder_key():
        held = [os.environ.get(name) for name in names]
        assert all(held)
        assert missing_keys([f"AWS4-HMAC-SHA256 Credential={held[0]}/x"]) == " and ".join(names)
        note_recording(records=True)
        try:
            assert [os.environ.get(name) for name in names] == [None, None]
        finally:
            note_recording(records=False)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
        assert os.environ.get("AWS_ACCESS_KEY_ID") is None


@pytest.mark.slow
@pytest.mark.own_process  # boto3 keeps the credentials that it found
def test_boto3_replays_without_credentials(
    bare: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded with those of a profile, which a placeholder does not cover; replayed where there are none."""
    pytest.importorskip("boto3")
    bare.makepyfile(test_items=SUITE)
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AKID\naws_secret_access_key = none\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with StandIn(converse) as provider:
        monkeypatch.setenv("BEDROCK_ADDRESS", provider.base_url.removesuffix("/v1"))
        bare.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
        sent = {name.lower(): value for name, value in provider.headers[0].items()}
        assert "Credential=AKID/" in sent["authorization"]
    monkeypatch.delenv("BEDROCK_ADDRESS")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    bare.runpytest_subprocess().assert_outcomes(passed=2)
    monkeypatch.setenv("BEDROCK_ADDRESS", "http://127.0.0.1:9")
    (bare.path / "cassettes").rename(bare.path / "others")
    alone = bare.runpytest_subprocess("--llm-record")
    alone.stdout.fnmatch_lines(["*NoCredentialsError*"])
