"""Recognize credentials by name, by form, or by both."""

from __future__ import annotations

import re
from functools import lru_cache

REDACTED = "REDACTED"
# At the end of a name without its punctuation: `x-api-key`, `openaiApiKey`, `aws_secret_access_key`.
_ALWAYS = re.compile(
    r"(apikey|apitoken|accesstoken|refreshtoken|idtoken|authtoken|sessiontoken|securitytoken|bearertoken|clientsecret"
    r"|secretkey|secretaccesskey|accesskey|accesskeyid|accountkey|sharedaccesskey|sharedaccesssignature|subscriptionkey"
    r"|functionskey|privatekey|connectionstring|password|passwd|passphrase)$"
)
# Fields of documents are called so too: in JSON, the value has to look like a credential.
_SOMETIMES = re.compile(
    r"^(key|code|token|auth|authorization|proxyauthorization|credentials?|assertion|clientassertion|jwt|pwd|cookie"
    r"|setcookie|sig|codeverifier|devicecode)$|secret$"
)
# In a query or a form, which are no documents.
_IN_QUERY = re.compile(r"(signature|credential|accessid|accesskeyid|keypairid|^sid|^session)$")
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
    """`always`, `sometimes`, `query` or nothing: when the value of this name is a credential."""
    name = normal(name)
    if _ALWAYS.search(name):
        return "always"
    if _SOMETIMES.search(name):
        return "sometimes"
    return "query" if _IN_QUERY.search(name) else ""


def is_credential(name: str, value: str) -> bool:
    """Whether a text in JSON is a credential; `code` or `key` alone do not make it one."""
    kind = _kind(name)
    return bool(value) and (kind == "always" or (kind == "sometimes" and looks_like_one(value)))


def is_query_credential(name: str) -> bool:
    """Whether the value of a parameter of a URL or a form, or of a header, is a credential."""
    return bool(_kind(name))


def looks_like_one(value: str) -> bool:
    """Whether a text looks like a credential: begins like a well-known one, or is long, mixed and in one piece."""
    if _SCHEME.match(value) or _KNOWN_BEGINNING.match(value):
        return True
    return bool(_OPAQUE.fullmatch(value)) and not re.search(r"\.[A-Za-z]{2,4}$", value)


def without_keys(text: str) -> str:
    """The text of an error without anything that looks like a key: providers quote the key they refused."""
    return _IN_ERRORS.sub(REDACTED, text)
