"""Replace strings within JSON in place. Numbers, order, spaces and repeated names stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_TOKEN = re.compile(
    r'(?P<text>"[^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+"?)(?P<colon>\s*+:)?|(?P<open>[{\[])|(?P<close>[}\]])'
    r"|(?P<plain>-?\d[\d.eE+-]*|true|false)"
)
# Gets the name that a text stands under (None for a name itself), and gives another text, or None to keep it.
Replace = Callable[[str | None, str], str | None]


def rewrite(text: str, replace: Replace, drops: Callable[[str], bool], instead: str) -> str:
    """Replace texts of JSON, wherever it stands: alone, line by line, in the events of a stream, cut off in the middle.

    A value whose name `drops` is replaced whole by `instead`, whatever it is.
    """
    pieces, kept = [], 0  # what comes out, and up to where the text is in it
    names: list[str | None] = []
    name: str | None = None
    start = depth = 0  # of a value that is dropped
    for token in _TOKEN.finditer(text):
        if depth:
            depth += (token["open"] is not None) - (token["close"] is not None)
            if not depth:
                pieces += [text[kept:start], json.dumps(instead)]
                kept = token.end()
        elif token["open"]:
            if name is not None and drops(name):
                start, depth = token.start(), 1
                continue
            names.append(name)
            name = None if token["open"] == "{" else name
        elif token["close"]:
            name = names.pop() if names else None
        else:
            value = _value(token["text"]) if token["text"] else token["plain"]
            is_name = token["colon"] is not None
            if not is_name and name is not None and drops(name):
                new: str | None = instead
            else:
                new = replace(None if is_name else name, value) if token["text"] else None
            if new is not None and new != value:
                pieces += [text[kept : token.start()], json.dumps(new)]
                kept = token.start() + len(token["text"] or token["plain"])
            if is_name:
                name = value
    # A value that is cut off may hold what it was dropped for.
    return "".join([*pieces, text[kept:start], json.dumps(instead)] if depth else [*pieces, text[kept:]])


def _value(literal: str) -> str:
    try:
        value: str = json.loads(literal, strict=False)
    except ValueError:  # an escape that JSON does not have, or a string that is cut off
        return literal[1:].removesuffix('"')
    return value
