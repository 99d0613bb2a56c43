"""Describe in words where a line is in a cassette."""

from __future__ import annotations

import re

_YAML_NAME = re.compile(r"\s*(?:- )?([a-z_]+):")
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[{}\[\],:]')


def place_of(text: str) -> str:
    """`line 40 (interaction 1, response body, choices[0].message.content)`: where a string ends.

    Args:
        text: a cassette, or any other text, up to the end of a value.
    """
    lines = text.rstrip(", \n}]").splitlines()
    line, path = len(text.splitlines()), _json_path(lines)
    n_interactions = sum(row.startswith("- request:") for row in lines)
    if n_interactions:
        sections = dict.fromkeys(name for name in (_above(lines, 2), _above(lines, 4)) if name)
        words = [f"interaction {n_interactions}", " ".join(sections), path]
    elif _above(lines, 0) == "x_llm_extract":
        words = ["answer", path] if path else ["x_llm_extract"]
    else:
        words = []
    return f"line {line} ({', '.join(filter(None, words))})" if words else f"line {line}"


def _above(lines: list[str], indent: int) -> str:
    """The YAML name at this indentation above the last line; empty if there is none."""
    for row in reversed(lines):
        if row.strip() and _indent(row) <= indent:
            name = _YAML_NAME.match(row)
            return name[1] if name and _indent(row) == indent else ""
    return ""


def _json_path(lines: list[str]) -> str:
    """The path of the last value within a JSON body on several lines; empty outside such a body."""
    start = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].endswith(": |-")), None)
    if start is None or any(_indent(row) <= _indent(lines[start]) for row in lines[start + 1 :]):
        return ""
    steps = _steps("\n".join(lines[start + 1 :]))
    return "".join(step if isinstance(step, str) else f"[{step}]" for step in steps).removeprefix(".")


def _steps(text: str) -> list[str | int]:
    """The names and indexes of the last value in JSON that is cut off."""
    steps: list[str | int] = []
    string = ""
    for token in _TOKEN.findall(text):
        if token in "{[":
            steps.append("" if token == "{" else 0)
        elif token in "}]":
            del steps[-1:]
        elif token == ":":
            steps[-1:] = [f".{string}"]
        elif token == "," and steps:
            last = steps[-1]
            steps[-1] = last + 1 if isinstance(last, int) else ""
        else:
            string = token.strip('"')
    return steps


def _indent(row: str) -> int:
    """The indentation of a line. The dash of a list item counts as part of it."""
    return (
        len(row) - len(row.removeprefix("- ").lstrip(" ")) if row.startswith("- ") else len(row) - len(row.lstrip(" "))
    )
