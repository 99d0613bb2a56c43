"""Take a member out of JSON text as it is written, so that no number is read and written again."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed has no name for it

_decoder = json.JSONDecoder()
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*[,{][ \t\r\n]*")


def member_text(text: str, *names: str) -> str | None:
    """The text of a member of nested objects: `member_text(line, "response", "body")`; None where there is none.

    Raises:
        ValueError: the text is not JSON.
    """
    for name in names:
        member = _members(text.strip()).get(name)
        if member is None:
            return None
        text = member
    return text


def _members(text: str) -> dict[str, str]:
    """The members of an object as text; none for another value."""
    members: dict[str, str] = {}
    at = 0
    while (comma := _COMMA.match(text, at)) is not None and text[comma.end() : comma.end() + 1] == '"':
        name, at = scanstring(text, comma.end() + 1, True)
        if (colon := _COLON.match(text, at)) is None:
            raise ValueError("a name without a value")
        _, at = _decoder.raw_decode(text, colon.end())
        members[name] = text[colon.end() : at]
    return members
