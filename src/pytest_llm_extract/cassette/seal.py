"""The seal of a cassette: the sha256 of all that stands below it. Where it holds, nobody edited the file."""

from __future__ import annotations

import hashlib

HEAD = "x_llm_extract:\n"
_LABEL = f"{HEAD}  seal: sha256:"
_LENGTH = len(_LABEL) + 64 + len("\n")


def seal(text: str) -> str:
    """The text of a cassette with a seal at its top."""
    rest = text.removeprefix(HEAD)
    return f"{_LABEL}{_digest(rest)}\n{rest}"


def is_sealed(text: str) -> bool:
    """Whether a cassette is, to the last character, as it was sealed."""
    return text.startswith(_LABEL) and text[len(_LABEL) : _LENGTH] == f"{_digest(text[_LENGTH:])}\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
