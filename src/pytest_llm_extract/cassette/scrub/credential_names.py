"""Recognize credentials by name, by form, or by both."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_llm_extract.credentials.names import is_secret_name, word_set, words_of

REDACTED = "REDACTED"
# At the end of a name without its punctuation: `x-api-key`, `openaiApiKey`, `aws_secret_access_key`.
_ALWAYS = re.compile(
    r"(apikey|apitoken|accesstoken|refreshtoken|idtoken|authtoken|sessiontoken|securitytoken|bearertoken|clientsecret"
    r"|secretkey|secretaccesskey|accesskey|accesskeyid|accountkey|sharedaccesskey|sharedaccesssignature|subscriptionkey"
    r"|functionskey|privatekey|connectionstring|password|passwd|passphrase)$"
)
# Whose keys, tokens and secrets are always credentials: `hf_token`, `github_token`, `auth_key`, `webhookSecret`.
_OWNERS = word_set(
    """
    access account admin anthropic api app auth aws azure bearer bot ci client cohere deploy discord
    encryption functions gemini gh github gitlab gl google groq hf huggingface id jwt job master mistral
    notion npm oauth openai openrouter personal private pypi refresh replicate secret security sendgrid
    service session shared signing slack storage stripe subscription telegram twilio vault vercel webhook xsrf
    csrf
    """
)
# Fields of documents are called so too: in JSON, the value has to look like a credential.
_SOMETIMES = re.compile(
    r"^(key|code|token|auth|authorization|proxyauthorization|credentials?|assertion|clientassertion|jwt|pwd|cookie"
    r"|setcookie|sig|codeverifier|devicecode)$|secret$"
)
# In a query or a form, which are no documents.
_IN_QUERY = re.compile(r"(signature|credential|accessid|accesskeyid|keypairid|^sid|^session)$")
_DIGEST = re.compile(r"[0-9a-fA-F]{32,}")
_SCHEME = re.compile(r"(?i)^(bearer|basic|token|apikey|digest|negotiate|aws4-hmac-sha256)\s+\S{8}")
_KNOWN_BEGINNING = re.compile(
    r"^(sk-|sk_|rk_|pk-lf|gsk_|hf_|xai-|gh[pousr]_|github_pat_|xox|AIza|ya29\.|AKIA|ASIA|eyJ)\S{12}"
)
_OPAQUE = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[A-Za-z0-9_+/=~.%-]{24,}")
_IN_ERRORS = re.compile(
    r"(?<![A-Za-z0-9])((sk|rk|pk|gsk|hf|xai|r8|nvapi|pplx|AIza|ya29\.|gh[pousr]_|github_pat_|xox[a-z]|AKIA|ASIA)[-_]?"
    r"(?=[\w*.-]{0,64}\d)[\w*.-]{12,}|eyJ[\w-]{10,4000}\.[\w-]+\.[\w-]*|(?i:bearer|basic)\s+[\w.~+/=*-]{8,})"
)


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """A name in comparable form: `X-API-Key`, `x_api_key` and `xApiKey` are equal."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=4096)
def _kind(name: str) -> str:
    """When the value of this name is a credential: `always`, `sometimes`, in a `query`, if it is `opaque`, or never."""
    flat, words = normal(name), words_of(name)
    if _ALWAYS.search(flat) or (
        words[-1:] in (("key",), ("token",), ("secret",)) and _OWNERS.intersection(words[-2:-1])
    ):
        return "always"
    if _SOMETIMES.search(flat):
        return "sometimes"
    if _IN_QUERY.search(flat):
        return "query"
    return "opaque" if is_secret_name(name) else ""


def is_credential(name: str, value: str) -> bool:
    """Whether a text in JSON is a credential; `code` or `key` alone do not make it one."""
    kind = _kind(name)
    if kind in ("sometimes", "opaque"):
        return looks_like_one(value) or (kind == "opaque" and _DIGEST.fullmatch(value) is not None)
    return bool(value) and kind == "always"


def is_query_credential(name: str) -> bool:
    """Whether the value of a parameter of a URL or a form, or of a header, is a credential."""
    return _kind(name) in ("always", "sometimes", "query")


def may_be_credential(name: str) -> bool:
    """Whether the value of a name has to be looked at."""
    return bool(_kind(name))


def is_label_of_credential(name: str) -> bool:
    """Whether what is called so beside a value, as in `{"name": "api_key", "value": "…"}`, makes it a credential."""
    return _kind(name) == "always"


def looks_like_one(value: str) -> bool:
    """Whether a text looks like a credential: begins like a well-known one, or is long, mixed and in one piece."""
    if _SCHEME.match(value) or _KNOWN_BEGINNING.match(value):
        return True
    return bool(_OPAQUE.fullmatch(value)) and not re.search(r"\.[A-Za-z]{2,4}$", value)


def without_keys(text: str) -> str:
    """The text of an error without anything that looks like a key: providers quote the key they refused."""
    return _IN_ERRORS.sub(REDACTED, text)
