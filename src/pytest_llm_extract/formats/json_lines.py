"""Write JSON on lines that a person reads and a diff compares: what is short stays on one line."""

from __future__ import annotations

import json
from typing import Any

_WIDTH = 100  # characters of a line that holds more than one value
_encode = json.JSONEncoder(ensure_ascii=False).encode


def on_lines(value: dict[str, Any] | list[Any], *, fills: bool = False) -> str:
    """A JSON object or array on several lines; an inner one that fits into a line is on one.

    With `fills`, leaves that follow each other share a line as long as they fit in, and an object of up to three
    leaves is on one line whatever its length: a message of a chat.
    """
    return _broken(value, "", fills=fills) if value else _encode(value)


def _broken(value: dict[str, Any] | list[Any], pad: str, *, fills: bool) -> str:
    inner = f"{pad}  "
    members = [(f"{_encode(name)}: ", item) for name, item in value.items()] if isinstance(value, dict) else None
    lines: list[str] = []
    is_open = False  # whether the last line takes another value
    for label, item in members if members is not None else [("", item) for item in value]:
        text, is_leaf = label + _encode(item), not isinstance(item, dict | list)
        is_long = len(inner) + len(text) > _WIDTH and not (fills and _is_flat(item))
        if isinstance(item, dict | list) and item and is_long:
            text = label + _broken(item, inner, fills=fills)
        if fills and is_leaf and is_open and len(inner) + len(lines[-1]) + len(text) + 2 <= _WIDTH:
            lines[-1] += f", {text}"
        else:
            lines.append(text)
        is_open = is_leaf
    begin, end = "[]" if members is None else "{}"
    joined = f",\n{inner}".join(lines)
    return f"{begin}\n{inner}{joined}\n{pad}{end}"


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= 3 and not any(isinstance(v, dict | list) for v in value.values())
