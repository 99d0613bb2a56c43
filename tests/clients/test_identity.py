"""Logins of clouds: clients without a key, whose tokens are recorded once, and no secret with them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from login_server import TOKEN, Login
from standin import StandIn
from suites import HEAD, TAIL, echo, environment

pytest.importorskip("azure.identity", reason="azure-identity is not installed")
pytest.importorskip("msal", reason="msal is not installed")
pytest.importorskip("google.oauth2.service_account", reason="google-auth is not installed")
trustme: Any = pytest.importorskip("trustme", reason="trustme, which issues certificates, is not installed")

SECRET = "Wm9hY3Q4LXJlYWwtc2VjcmV0LTE3"
SCOPE = "https://cognitiveservices.azure.com/.default"
EXTRACTORS = f"""
from functools import cache
import msal
from azure import identity
from azure.identity import aio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import Credentials
from openai import AsyncAzureOpenAI, AzureOpenAI

MODEL, LOGIN = os.environ.get("MODEL", "https://model.example"), os.environ.get("LOGIN", "https://login.example")
SECRET, SCOPE = os.environ.get("APP_SECRET", "none"), {SCOPE!r}
os.environ.setdefault("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254")
APP = {{"tenant_id": "tenant", "client_id": "app", "authority": LOGIN, "disable_instance_discovery": True}}

def asking(text):
    return {{"model": "m", "messages": [{{"role": "user", "content": text}}]}}

@cache
def client_of(of, package=identity, kind=AzureOpenAI):
    token = package.get_bearer_token_provider(of(package), SCOPE)
    return kind(azure_endpoint=MODEL, api_version="2024-10-21", azure_ad_token_provider=token, max_retries=0)

def by_secret(package):
    return package.ClientSecretCredential(client_secret=SECRET, **APP)

def by_machine(package):
    return package.ManagedIdentityCredential()

def read_secret(text):
    return content(client_of(by_secret).chat.completions.create(**asking(text)).to_dict())

async def read_secret_async(text):
    client = client_of(by_secret, aio, AsyncAzureOpenAI)
    return content((await client.chat.completions.create(**asking(text))).to_dict())

def read_machine(text):
    return content(client_of(by_machine).chat.completions.create(**asking(text)).to_dict())

@cache
def msal_app():
    return msal.ConfidentialClientApplication(
        "app", client_credential=SECRET, authority=LOGIN + "/tenant", instance_discovery=False)

def read_msal(text):
    token = msal_app().acquire_token_for_client([SCOPE])["access_token"]
    client = AzureOpenAI(azure_endpoint=MODEL, api_version="2024-10-21", azure_ad_token=token, max_retries=0)
    return content(client.chat.completions.create(**asking(text)).to_dict())

@cache
def service_account():
    key = rsa.generate_private_key(65537, 2048)  # another assertion each time
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    info = {{"client_email": "a@b.iam", "token_uri": LOGIN + "/token", "private_key": pem.decode()}}
    return Credentials.from_service_account_info(info, scopes=["https://www.googleapis.com/auth/cloud-platform"])

def read_google(text):
    return content(AuthorizedSession(service_account()).post(MODEL + "/v1/chat/completions", json=asking(text)).json())

def content(answer):
    return Item.model_validate_json(answer["choices"][0]["message"]["content"])
"""


@pytest.mark.own_process
def test_clients_without_a_key_record_and_replay(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """Over TLS; tokens are recorded once for all cases, sent as they are, and stored nowhere. A case replays alone."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    pytester.makepyfile(test_clients=HEAD + EXTRACTORS + TAIL)
    with Login(tls) as login, Login() as machines, StandIn(echo) as provider:
        variables = {
            "LOGIN": login.address,
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": machines.address,
            "MODEL": provider.base_url.removesuffix("/v1"),
            "APP_SECRET": SECRET,
            "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem"),
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        }
        with environment(variables):
            pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=15)
        assert [headers["authorization"] for headers in provider.headers] == [f"Bearer {TOKEN}"] * 10
        assert not any("api-key" in headers for headers in provider.headers)
        assert login.asked > 0 < machines.asked
    pytester.runpytest_subprocess("-n2").assert_outcomes(passed=15)
    pytester.runpytest_subprocess("-k", "c1").assert_outcomes(passed=5)
    stored = [path.read_text() for path in pytester.path.rglob("*.yaml")]
    assert not any(secret in text for text in stored for secret in (TOKEN, SECRET, "PRIVATE KEY"))
    n_shared = len(list(pytester.path.joinpath("cassettes", "shared").iterdir()))
    assert n_shared == 5  # of msal, azure-identity (sync and async), google-auth, a machine, and how to log in
