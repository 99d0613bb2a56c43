"""The seal of a cassette: the sha256 of all lines below it. If it fits, the file was not edited."""

from __future__ import annotations

import hashlib

HEAD = "x_llm_extract:\n"
_LABEL = f"{HEAD}  seal: sha256:".encode()
_LENGTH = len(_LABEL) + 64 + len("\n")


def seal(text: str) -> str:
    """Put a seal on top of the text of a cassette."""
    rest = text.removeprefix(HEAD)
    return f"{_LABEL.decode()}{hashlib.sha256(rest.encode()).hexdigest()}\n{rest}"


def is_sealed(data: bytes) -> bool:
    """Whether the cassette is byte for byte as it was sealed."""
    if not data.startswith(_LABEL):
        return False
    digest = hashlib.sha256(memoryview(data)[_LENGTH:]).hexdigest()
    return data[len(_LABEL) : _LENGTH] == f"{digest}\n".encode()
