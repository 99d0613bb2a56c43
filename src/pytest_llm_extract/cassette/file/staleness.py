"""Why a cassette is stale: what changed between the recorded request and the one that found no answer."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, NamedTuple

from pytest_llm_extract.cassette.file.fingerprint import Json, read_json
from pytest_llm_extract.wire_formats.request import plain_text, split_request

_MAX_LINES = 40
CACHED = "if a cache answered, give extractor= a function without it, or one that empties it first (and concurrency=1)"
VOLATILE = "is there a time or a random value in it? Take it out, fix it in the test, or name it in ignore=[…]"
# Dates and times, UUIDs, random hexadecimal digits and fractions, and timestamps.
_VOLATILE_VALUE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?|\b\d\d?:\d\d(:\d\d)?\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b(?=[a-f]*\d)[0-9a-f]{16,}\b|\b\d{10,}(\.\d+)?\b|\b\d\.\d{6,}\b",
    re.IGNORECASE,
)


class Change(NamedTuple):
    """What changed, in words (`system prompt changed`), the changed lines, and what to think of."""

    cause: str
    lines: tuple[str, ...]
    hint: str | None = None


def fewer(n_sent: int, n_recorded: int) -> Change:
    """An extraction that sent less than was recorded."""
    return Change(f"only {n_sent} of the {n_recorded} recorded requests sent", (), CACHED)


def explain(recorded: bytes | None, sent: bytes, document: str | None) -> Change:
    """Compare the request that was not found with the recorded one at its position.

    `document` is the case's own text, hidden in both, so that one prompt change reads the same for every case.
    """
    if recorded is None:
        return Change("it sent it sent one more request than was recorded", ())
    before, after = read_json(recorded), read_json(sent)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return Change("request body changed", ())
    then, now = split_request(before), split_request(after)
    changed = [name for name in now if then.get(name) != now[name]]
    if not changed:
        return Change("request sent in another order, or more often, than recorded", ())
    lines: list[str] = []
    for name in changed:
        lines += _changed_lines(name, then.get(name), now[name], document)
    is_volatile = all(_settled(then.get(name)) == _settled(now[name]) for name in changed)
    return Change(f"{in_words(changed)} changed", tuple(lines[:_MAX_LINES]), VOLATILE if is_volatile else None)


def in_words(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _settled(value: Json) -> str:
    """The value as text, without what differs in every run."""
    return _VOLATILE_VALUE.sub("~", json.dumps(value, sort_keys=True))


def _changed_lines(name: str, before: Json, after: Json, document: str | None) -> list[str]:
    if name in ("schema", "parameters"):
        return _value_changes(name, before, after)
    old, new = _text(before, document), _text(after, document)
    compared = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in compared if not line.startswith(("---", "+++", "@@"))]


def _text(value: Json, document: str | None) -> str:
    pieces = value if isinstance(value, list) else [value]
    shown = []
    for piece in pieces:
        content = plain_text(piece)
        shown.append(json.dumps(piece, ensure_ascii=False, indent=2) if content is None else content)
    text = "\n".join(shown)
    return text.replace(document, "{{input}}") if document else text


def _value_changes(name: str, before: Json, after: Json) -> list[str]:
    from deepdiff import DeepDiff

    found: Any = DeepDiff(before or {}, after or {}, verbose_level=2, ignore_order=False).pretty()
    return [f"{name}: {line}" for line in str(found).splitlines()]
