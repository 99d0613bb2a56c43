"""Describe in words where a line is in a cassette."""

from __future__ import annotations

import re

_JSON_NAME = re.compile(r'\s*"((?:[^"\\]|\\.)*)": ')
_YAML_NAME = re.compile(r"\s*(?:- )?([a-z_]+):")


def place_of(text: str, line: int) -> str:
    """`line 40 (interaction 1, response body, choices[0].message.content)`; `line` counts from 1."""
    lines = text.splitlines()[:line]
    n_interactions = sum(row.startswith("- request:") for row in lines)
    if n_interactions:
        sections = dict.fromkeys(name for name in (_above(lines, 2), _above(lines, 4)) if name)
        words = [f"interaction {n_interactions}", " ".join(sections), _json_path(lines)]
    else:
        words = [name for name in (_above(lines, 0),) if name == "x_llm_extract"]
    return f"line {line} ({', '.join(filter(None, words))})" if any(words) else f"line {line}"


def _above(lines: list[str], indent: int) -> str:
    """The YAML name at this indentation above the last line; empty if there is none."""
    for row in reversed(lines):
        if row.strip() and _indent(row) <= indent:
            found = _YAML_NAME.match(row)
            return found[1] if found and _indent(row) == indent else ""
    return ""


def _json_path(lines: list[str]) -> str:
    """The path of the last line within a JSON body on several lines; empty outside such a body."""
    steps: list[str] = []
    at = len(lines) - 1
    while True:
        parent, n_before = _parent(lines, at)
        if parent is None or _YAML_NAME.match(lines[parent]):
            return "".join(reversed(steps)).removeprefix(".") if lines[at].strip() in ("{", "[") else ""
        name = _JSON_NAME.match(lines[at])
        steps.append(f".{name[1]}" if name else f"[{n_before}]")
        at = parent


def _parent(lines: list[str], at: int) -> tuple[int | None, int]:
    """The line that a line is indented below, and how many values are between the two."""
    n_before = 0
    for number in range(at - 1, -1, -1):
        if _indent(lines[number]) < _indent(lines[at]):
            return number, n_before
        n_before += _indent(lines[number]) == _indent(lines[at]) and lines[number].strip()[:1] not in ("}", "]")
    return None, n_before


def _indent(row: str) -> int:
    """The indentation of a line. The dash of a list item counts as part of it."""
    return (
        len(row) - len(row.removeprefix("- ").lstrip(" ")) if row.startswith("- ") else len(row) - len(row.lstrip(" "))
    )
