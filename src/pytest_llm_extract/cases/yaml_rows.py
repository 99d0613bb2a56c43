"""Rows of `.yaml`, built from the events of a safe parser: nothing in the file can make an object or run code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.cases.text import conflict_line
from pytest_llm_extract.errors import Place, Problems

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


class _MistakeError(Exception):
    """What a dataset may not hold, and its line."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def yaml_rows(text: str, problems: Problems) -> list[tuple[Place, Any]]:
    """A list of cases, each with the line where it starts; after a mistake nothing is read.

    Unquoted values are read as JSON has them: null, true, false and numbers; all else, dates and `no` too, is text.
    """
    import yaml

    rows: list[tuple[Place, Any]] = []
    try:
        for row in _Events(text).rows():
            rows.append(row)
    except _MistakeError as error:
        problems.append((error.line, str(error)))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if conflict := conflict_line(text):
            problems.append((conflict, "merge conflict marker"))
        else:
            problems.append(_describe(text, error))
    return rows


def _describe(text: str, error: Exception) -> tuple[Place, str]:
    import yaml

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        begun = f" {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        return error.problem_mark.line + 1, f"is not YAML: {error.problem}{begun}"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode("utf-8", "replace").count(b"\n", 0, error.position) + 1
        # libyaml gives its number, PyYAML's own reader the character.
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return line, f"is not YAML: the character U+{code:04X} is not allowed"
    return None, f"is not YAML: {' '.join(str(error).split())}"


class _Events:
    """Reads values from a stream of parser events."""

    def __init__(self, text: str) -> None:
        import yaml

        self._yaml = yaml.events
        self._anchors: dict[str, Any] = {}
        try:
            self._parser: Any = yaml.CSafeLoader(text)
        except AttributeError:  # PyYAML built without libyaml
            self._parser = yaml.SafeLoader(text)

    def rows(self) -> Iterator[tuple[Place, Any]]:
        """Each item of the document's list."""
        self._next()  # the start of the stream
        if isinstance(self._next(), self._yaml.StreamEndEvent):
            return
        event = self._next()
        if not isinstance(event, self._yaml.SequenceStartEvent):
            if isinstance(event, self._yaml.ScalarEvent) and event.value == "":
                return
            raise _MistakeError(_line(event), "holds no list of cases")
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            yield _line(event), self._value(event)
        self._next()  # the end of the document
        if not isinstance(event := self._next(), self._yaml.StreamEndEvent):
            raise _MistakeError(_line(event), "holds more than one document; the cases are one list")

    def _next(self) -> Any:
        return self._parser.get_event()

    def _value(self, event: Any) -> Any:
        if isinstance(event, self._yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _MistakeError(_line(event), f"is not YAML: no anchor {event.anchor!r} before its use")
            return self._anchors[event.anchor]
        if isinstance(event, self._yaml.ScalarEvent):
            value = _scalar(event)
        elif event.tag is not None:
            raise _MistakeError(_line(event), f"the tag {event.tag!r} is not allowed")
        elif isinstance(event, self._yaml.SequenceStartEvent):
            value = self._sequence()
        else:
            value = self._mapping(_line(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self) -> list[Any]:
        items = []
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            items.append(self._value(event))
        return items

    def _mapping(self, line: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            if not isinstance(event, self._yaml.ScalarEvent):
                raise _MistakeError(_line(event), "a key is a text")
            key, value = event.value, self._value(self._next())
            if key == "<<" and event.implicit[0]:
                merged = {**_merged(value, line), **merged}
            elif key in found:
                raise _MistakeError(_line(event), f"key {key!r} is written twice")
            else:
                found[key] = value
        return {**merged, **found} if merged else found


def _merged(value: Any, line: int) -> dict[str, Any]:
    """What `<<:` brings in: a mapping, or a list of which the first goes before the others."""
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in listed):
        raise _MistakeError(line, "`<<` takes a mapping or a list of mappings")
    return {key: item[key] for item in reversed(listed) for key in item}


def _scalar(event: Any) -> Any:
    text = event.value
    if event.tag in _TEXT_TAGS:
        return text
    if event.tag is not None:
        raise _MistakeError(_line(event), f"the tag {event.tag!r} is not allowed")
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
