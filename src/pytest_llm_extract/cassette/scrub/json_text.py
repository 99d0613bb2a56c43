"""Replace strings within JSON in place. Numbers, order, spaces and repeated names stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

_TOKEN = re.compile(
    r'(?P<text>"[^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+"?)(?P<colon>\s*+:)?|(?P<open>[{\[])|(?P<close>[}\]])'
    r"|(?P<plain>-?\d[\d.eE+-]*|true|false)"
)
# Takes the name that a string is under (None for a name itself). Returns another string, or None to keep it.
Replace = Callable[[str | None, str], str | None]


_LABELS = frozenset({"name", "key", "header", "field", "param", "parameter", "variable"})
_VALUES = frozenset({"value", "val", "default"})


class Rules(NamedTuple):
    """What is replaced: texts by `replace`; by `instead`, whole, values whose name `drops`, and those of labels.

    `labels`: whether what is called so beside a value (`{"name": "api_key", "value": …}`) makes it a credential;
    `labelled` is called with each such label and value.
    """

    replace: Replace
    drops: Callable[[str], bool]
    labels: Callable[[str], bool]
    labelled: Callable[[str, str], None]
    instead: str


def rewrite(text: str, rules: Rules) -> str:
    """Replace texts of JSON, wherever it is: alone, by lines, in the events of a stream, cut off in the middle."""
    return _Rewriter(text, rules).run()


class _Place:
    """An object, a list or the whole: the name that its next value is under, and what its `value` is called."""

    def __init__(self, name: str | None) -> None:
        self.name, self.label = name, ""
        self.values: list[tuple[int, int, str]] = []  # members called `value`, which may be before their label


class _Rewriter:
    def __init__(self, text: str, rules: Rules) -> None:
        self._text, self._rules = text, rules
        self._edits: dict[int, tuple[int, str]] = {}  # by start: the end, and what comes there
        self._places = [_Place(None)]

    def run(self) -> str:
        start = depth = 0  # of a value that is dropped
        for token in _TOKEN.finditer(self._text):
            place = self._places[-1]
            if depth:
                depth += (token["open"] is not None) - (token["close"] is not None)
                if not depth:
                    self._edit(start, token.end(), self._rules.instead)
            elif token["open"]:
                if place.name is not None and self._rules.drops(place.name):
                    start, depth = token.start(), 1
                else:
                    self._places.append(_Place(None if token["open"] == "{" else place.name))
            elif token["close"]:
                if len(self._places) > 1:
                    self._places.pop()
            else:
                self._read(token, place)
        if depth:  # a value that is cut off may hold what it was dropped for
            self._edit(start, len(self._text), self._rules.instead)
        return self._edited()

    def _read(self, token: re.Match[str], place: _Place) -> None:
        """Read a name, a string or another plain value."""
        value = _value(token["text"]) if token["text"] else token["plain"]
        end = token.start() + len(token["text"] or token["plain"])
        if token["colon"] is not None:
            if (new := self._rules.replace(None, value)) is not None and new != value:
                self._edit(token.start(), end, new)
            place.name = value
        elif place.name is not None and self._rules.drops(place.name):
            self._edit(token.start(), end, self._rules.instead)
        elif place.name in _VALUES and place.label:
            self._take(place.label, token.start(), end, value)
        elif token["text"]:
            if (new := self._rules.replace(place.name, value)) is not None and new != value:
                self._edit(token.start(), end, new)
            if place.name in _VALUES:
                place.values.append((token.start(), end, value))
            elif place.name in _LABELS and self._rules.labels(value):
                place.label = value
                for before in place.values:
                    self._take(value, *before)
                place.values.clear()

    def _take(self, label: str, start: int, end: int, value: str) -> None:
        self._rules.labelled(label, value)
        self._edit(start, end, self._rules.instead)

    def _edit(self, start: int, end: int, new: str) -> None:
        self._edits[start] = end, json.dumps(new)

    def _edited(self) -> str:
        pieces, kept = [], 0
        for start, (end, new) in sorted(self._edits.items()):
            pieces += [self._text[kept:start], new]
            kept = end
        return "".join([*pieces, self._text[kept:]])


def _value(literal: str) -> str:
    try:
        value: str = json.loads(literal, strict=False)
    except ValueError:  # an escape that JSON does not have, or a string that is cut off
        return literal[1:].removesuffix('"')
    return value
