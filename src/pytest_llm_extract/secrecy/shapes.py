"""Keys that are recognized by their shape, whoever holds them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

_W = "[A-Za-z0-9_-]"
_PRIVATE_KEY = (
    r"-----BEGIN\s+(?:[A-Z0-9]+\s+)*PRIVATE\s+KEY(?:\s+BLOCK)?-----(?:[^-]{1,10000}-----END[A-Z0-9\s]+-----)?"
)
_NAMED_AZURE_KEY = (
    r"(?i)(?:api|subscription|azure\w*|access)[-_ ]?key\W{1,8}(?:[0-9a-f]{32}|[A-Za-z0-9]{84})(?![A-Za-z0-9])"
)
_NAMED_AWS_SECRET = r"(?i)secret[-_ ]?(?:access[-_ ]?)?key\W{1,8}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
_PASSWORD_IN_URL = r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"'<>]*:(?!\*|REDACTED)[^\s/:@\"'<>]{3,}@[\w.-]"
# A text in lower case without which a key cannot be there (it is found faster), and the key.
_SHAPES = {
    "an Anthropic key": ("sk-ant-", rf"(?<!{_W})sk-ant-{_W}{{16,}}"),
    "an OpenAI key": ("sk-", rf"(?<!{_W})sk-(?!ant-)(?=[A-Za-z_-]*\d){_W}{{20,}}"),
    "a Google API key": ("aiza", rf"(?<!{_W})AIza{_W}{{35}}"),
    "a Google access token": ("ya29.", rf"(?<!{_W})ya29\.{_W}{{20,}}"),
    "a Google client secret": ("gocspx-", rf"(?<!{_W})GOCSPX-{_W}{{20,}}"),
    "an AWS access key": ("kia", r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![A-Za-z0-9])"),
    "a temporary AWS access key": ("asia", r"(?<![A-Za-z0-9])ASIA[0-9A-Z]{16}(?![A-Za-z0-9])"),
    "an AWS secret key": ("secret", _NAMED_AWS_SECRET),
    "a request signature": ("signature=", r"(?i)\b(?:x-amz-|x-goog-)?signature=[0-9a-f]{64,}"),
    "an Azure key": ("key", _NAMED_AZURE_KEY),
    "an Azure account key": ("key=", r"\b(?:Account|Access|SharedAccess)Key=[A-Za-z0-9+/]{40,}"),
    "an Azure SAS signature": ("sig=", r"(?i)[?&;]sig=[A-Za-z0-9+/%]{40,}"),
    "a GitHub token": ("gh", rf"(?<!{_W})gh[pousr]_[A-Za-z0-9]{{30,}}"),
    "a fine-grained GitHub token": ("github_pat_", rf"(?<!{_W})github_pat_\w{{22,}}"),
    "a GitLab token": ("glpat-", rf"(?<!{_W})glpat-{_W}{{20,}}"),
    "a Slack token": ("xox", rf"(?<!{_W})xox[a-z]-(?=[A-Za-z-]*\d)[A-Za-z0-9-]{{10,}}"),
    "a Slack app token": ("xapp-", rf"(?<!{_W})xapp-\d-[A-Za-z0-9-]{{10,}}"),
    "a Stripe key": ("k_", rf"(?<!{_W})[rs]k_(?:live|test)_[A-Za-z0-9]{{16,}}"),
    "a Hugging Face token": ("hf_", rf"(?<!{_W})hf_[A-Za-z0-9]{{30,}}"),
    "a Groq key": ("gsk_", rf"(?<!{_W})gsk_[A-Za-z0-9]{{40,}}"),
    "an xAI key": ("xai-", rf"(?<!{_W})xai-[A-Za-z0-9]{{60,}}"),
    "a Perplexity key": ("pplx-", rf"(?<!{_W})pplx-[A-Za-z0-9]{{40,}}"),
    "a Replicate token": ("r8_", rf"(?<!{_W})r8_[A-Za-z0-9]{{36,}}"),
    "an NVIDIA key": ("nvapi-", rf"(?<!{_W})nvapi-{_W}{{40,}}"),
    "a LangSmith key": ("lsv2_", rf"(?<!{_W})lsv2_(?:pt|sk)_[a-f0-9]{{32}}"),
    "a SendGrid key": ("sg.", rf"(?<!{_W})SG\.{_W}{{20,}}\.{_W}{{20,}}"),
    "an npm token": ("npm_", rf"(?<!{_W})npm_[A-Za-z0-9]{{36}}"),
    "a PyPI token": ("pypi-", rf"(?<!{_W})pypi-AgE{_W}{{50,}}"),
    "a JSON Web Token": ("eyj", rf"(?<!{_W})eyJ{_W}{{10,}}\.eyJ{_W}{{10,}}\.{_W}{{10,}}"),
    "a private key": ("private", _PRIVATE_KEY),
    "a bearer token": ("bearer", r"(?i)\bbearer\s+(?=\S*\d)[A-Za-z0-9._~+/-]{20,}"),
    "a user and password": ("basic", r"(?i)\bbasic\s+[A-Za-z0-9+/_-]{8,}"),
    "a password in a URL": ("://", _PASSWORD_IN_URL),
}
_COMPILED = {name: (hint, re.compile(pattern)) for name, (hint, pattern) in _SHAPES.items()}


def shapes_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Every key in a text: its kind, and where it begins and ends."""
    lower = text.lower()
    for name, (hint, pattern) in _COMPILED.items():
        if hint not in lower:
            continue
        for match in pattern.finditer(text):
            if hint != "basic" or _is_user_and_password(match[0].split()[1]):
                yield name, match.start(), match.end()


def _is_user_and_password(coded: str) -> bool:
    """Whether what follows on `Basic` is base64 with a colon, and not a word."""
    try:
        return b":" in base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except ValueError:
        return False
