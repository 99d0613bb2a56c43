"""Recognize keys by their shape."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

_W = "[A-Za-z0-9_-]"
# By how they begin, where no such character stands before it.
_TOKENS = {
    "an Anthropic key": ("sk-ant-", rf"{_W}{{16,}}"),
    "an OpenAI key": ("sk-", rf"(?!ant-)(?=[A-Za-z_-]*\d){_W}{{20,}}"),
    "a Google API key": ("AIza", rf"{_W}{{35}}"),
    "a Google access token": ("ya29.", rf"{_W}{{20,}}"),
    "a Google client secret": ("GOCSPX-", rf"{_W}{{20,}}"),
    "an AWS access key": ("AKIA", r"[0-9A-Z]{16}(?![A-Za-z0-9])"),
    "a temporary AWS access key": ("ASIA", r"[0-9A-Z]{16}(?![A-Za-z0-9])"),
    "a GitHub token": ("gh", r"[pousr]_[A-Za-z0-9]{30,}"),
    "a fine-grained GitHub token": ("github_pat_", r"\w{22,}"),
    "a GitLab token": ("glpat-", rf"{_W}{{20,}}"),
    "a Slack token": ("xox", r"[a-z]-(?=[A-Za-z-]*\d)[A-Za-z0-9-]{10,}"),
    "a Slack app token": ("xapp-", r"\d-[A-Za-z0-9-]{10,}"),
    "a Stripe key": ("sk_", r"(?:live|test)_[A-Za-z0-9]{16,}"),
    "a restricted Stripe key": ("rk_", r"(?:live|test)_[A-Za-z0-9]{16,}"),
    "a Hugging Face token": ("hf_", r"[A-Za-z0-9]{30,}"),
    "a Groq key": ("gsk_", r"[A-Za-z0-9]{40,}"),
    "an xAI key": ("xai-", r"[A-Za-z0-9]{60,}"),
    "a Perplexity key": ("pplx-", r"[A-Za-z0-9]{40,}"),
    "a Replicate token": ("r8_", r"[A-Za-z0-9]{36,}"),
    "an NVIDIA key": ("nvapi-", rf"{_W}{{40,}}"),
    "a LangSmith key": ("lsv2_", r"(?:pt|sk)_[a-f0-9]{32}"),
    "a SendGrid key": ("SG.", rf"{_W}{{20,}}\.{_W}{{20,}}"),
    "an npm token": ("npm_", r"[A-Za-z0-9]{36}"),
    "a PyPI token": ("pypi-", rf"AgE{_W}{{50,}}"),
    "a JSON Web Token": ("eyJ", rf"{_W}{{10,}}\.eyJ{_W}{{10,}}\.{_W}{{10,}}"),
}
# By what stands before them, with a text in lower case that it holds.
_NAMED = {
    "an AWS secret key": ("secret", r"(?i)secret[-_ ]?(?:access[-_ ]?)?key\W{1,8}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    "a request signature": ("signature=", r"(?i)\bsignature=[0-9a-f]{64,}"),
    "an Azure key": (
        "key",
        r"(?i)(?:api|subscription|azure\w{0,32}|access)[-_ ]?key\W{1,8}(?:[0-9a-f]{32}|[A-Za-z0-9]{84})(?![A-Za-z0-9])",
    ),
    "an Azure account key": ("key=", r"\b(?:Account|Access|SharedAccess)Key=[A-Za-z0-9+/]{40,}"),
    "an Azure SAS signature": ("sig=", r"(?i)[?&;]sig=[A-Za-z0-9+/%]{40,}"),
    "a private key": (
        "private",
        r"-----BEGIN\s+(?:[A-Z0-9]+\s+)*PRIVATE\s+KEY(?:\s+BLOCK)?-----(?:[^-]{1,10000}-----END[A-Z0-9\s]+-----)?",
    ),
    "a bearer token": ("bearer", r"(?i)\bbearer\s+(?=\S*\d)[A-Za-z0-9._~+/-]{20,}"),
    "a user and password": ("basic", r"(?i)\bbasic\s+[A-Za-z0-9+/_-]{8,}"),
    "a password in a URL": ("://", r"://[^\s/:@\"'<>]*:(?!\*|REDACTED)[^\s/:@\"'<>]{3,}@[\w.-]"),
}
# A pattern that begins with the text itself is found fastest, so that what must not stand before it comes behind it.
# They are compiled when they are needed: most texts hold nothing that begins so.
_BEGIN = {
    name: (begin, rf"{re.escape(begin)}(?<!{_W}{re.escape(begin)}){rest}") for name, (begin, rest) in _TOKENS.items()
}


def shapes_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Every key in a text: its kind, start and end."""
    for name, (begin, pattern) in _BEGIN.items():
        if begin in text:
            yield from ((name, *match.span()) for match in re.finditer(pattern, text))
    lower = text.lower()
    for name, (hint, pattern) in _NAMED.items():
        for match in re.finditer(pattern, text) if hint in lower else ():
            if hint != "basic" or _is_user_and_password(match[0].split()[1]):
                yield name, match.start(), match.end()


def _is_user_and_password(coded: str) -> bool:
    """Whether the word after `Basic` is base64 of a text with a colon."""
    try:
        return b":" in base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except ValueError:
        return False
