"""The parts of a request as short hashes in one string, behind the version of the split: `2/system/messages/…`."""

from __future__ import annotations

from collections.abc import Mapping

PARTS = ("system prompt", "messages", "schema", "parameters")
_SPLIT = "2"
_OF_PROMPT_FILE = "-"  # a prompt file's own hash says it, whatever the file was filled with


def joined_parts(hashes: Mapping[str, str]) -> str:
    """The string, from hashes by the names of `PARTS`."""
    return "/".join([_SPLIT, *(hashes[name] for name in PARTS)])


def request_parts(request: str | None) -> dict[str, str]:
    """Hashes by the names of `PARTS`; none where the string is None or of another version."""
    version, *hashes = (request or "").split("/")
    if version != _SPLIT:
        return {}
    return {name: one for name, one in zip(PARTS, hashes, strict=False) if one != _OF_PROMPT_FILE}


def without_prompt(request: str | None) -> str | None:
    """The string without system prompt and messages, for a suite whose prompt is a file."""
    parts = request_parts(request)
    return joined_parts(dict.fromkeys(PARTS, _OF_PROMPT_FILE) | {n: parts[n] for n in PARTS[2:]}) if parts else request
