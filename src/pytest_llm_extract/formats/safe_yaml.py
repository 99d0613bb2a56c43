"""YAML as plain data, built from the events of a parser: nothing in a file can make an object, run code or explode."""

from __future__ import annotations

import base64
import re
from typing import Any

from pytest_llm_extract.formats.exact_decimals import ReadNumber

MAX_DEPTH = 100
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
_CONTAINER_WEIGHT = 256
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# As PyYAML writes one; it leaves the text `1e5` without quotes.
_DUMPED_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+][0-9]+)?")
_STANDARD = "tag:yaml.org,2002:"
_TEXT_TAGS = ("!", f"{_STANDARD}str")
_BINARY_TAG = f"{_STANDARD}binary"


class YamlMistakeError(Exception):
    """Something that a file must not hold, with its line."""

    def __init__(self, line: int | None, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class YamlReader:
    """Reads values from a stream of parser events.

    Unquoted values are read as JSON has them: null, true, false and numbers; all else, dates and `no` too, is text.
    A key is a string and occurs once. `dumped` files are PyYAML's: they may hold `!!binary`, and a number with an
    exponent is one only in PyYAML's own form (`1.0e+5`). Every other tag but that of text is a mistake.
    `max_weight` bounds the characters of all values, aliases written out, and counts 256 for each list and mapping.
    `number` reads what has a point or an exponent.
    """

    def __init__(
        self, text: str, *, dumped: bool = False, max_weight: int | None = None, number: ReadNumber = float
    ) -> None:
        import yaml

        self._number = number
        self._yaml, self._dumped, self._max_weight = yaml.events, dumped, max_weight
        self._depth = self._weight = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        try:
            self._parser: Any = yaml.CSafeLoader(text)
        except AttributeError:  # PyYAML built without libyaml
            self._parser = yaml.SafeLoader(text)

    def start(self) -> Any:
        """The first event of the document; None for an empty stream."""
        self.next()  # the start of the stream
        return None if isinstance(self.next(), self._yaml.StreamEndEvent) else self.next()

    def end(self, problem: str) -> None:
        """Leave the document.

        Raises:
            YamlMistakeError: another one follows.
        """
        self.next()  # the end of the document
        if not isinstance(event := self.next(), self._yaml.StreamEndEvent):
            raise YamlMistakeError(line_of(event), problem)

    def next(self) -> Any:
        """The next event."""
        return self._parser.get_event()

    def value(self, event: Any) -> Any:
        """The value that begins with this event.

        Raises:
            YamlMistakeError: it holds what it may not.
        """
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event)
        before = self._weight
        if isinstance(event, self._yaml.ScalarEvent):
            self._weigh(event, len(event.value) + 1)
            value = self._scalar(event)
        else:
            value = self._container(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._weight - before
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise YamlMistakeError(line_of(event), f"is not YAML: no anchor {event.anchor!r} before its use")
        value, weight = self._anchors[event.anchor]
        self._weigh(event, weight)
        return value

    def _weigh(self, event: Any, weight: int) -> None:
        self._weight += weight
        if self._max_weight is not None and self._weight > self._max_weight:
            problem = f"is more than can be read ({self._max_weight:,} characters, its aliases written out)"
            raise YamlMistakeError(line_of(event), problem)

    def _container(self, event: Any) -> Any:
        if event.tag is not None:
            raise _forbidden(event)
        if self._depth == MAX_DEPTH:
            raise YamlMistakeError(line_of(event), _TOO_DEEP)
        self._weigh(event, _CONTAINER_WEIGHT)
        self._depth += 1
        is_list = isinstance(event, self._yaml.SequenceStartEvent)
        value = self._sequence() if is_list else self._mapping(line_of(event))
        self._depth -= 1
        return value

    def _sequence(self) -> list[Any]:
        items = []
        while not isinstance(event := self.next(), self._yaml.SequenceEndEvent):
            items.append(self.value(event))
        return items

    def _mapping(self, line: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self.next(), self._yaml.MappingEndEvent):
            key = self._key(event)
            value = self.value(self.next())
            if key == "<<" and event.implicit[0]:
                merged = {**_merged(value, line), **merged}
            elif key in mapping:
                raise YamlMistakeError(line_of(event), f"key {key!r} is written twice")
            else:
                mapping[key] = value
        return {**merged, **mapping} if merged else mapping

    def _key(self, event: Any) -> str:
        if not isinstance(event, self._yaml.ScalarEvent):
            is_tagged = getattr(event, "tag", None) is not None
            raise _forbidden(event) if is_tagged else YamlMistakeError(line_of(event), "a key must be a string")
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            raise _forbidden(event)
        self._weigh(event, len(event.value) + 1)
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.tag in _TEXT_TAGS:
            return text
        if event.tag == _BINARY_TAG and self._dumped:
            return _decoded(text, line_of(event))
        if event.tag is not None:
            raise _forbidden(event)
        if not event.implicit[0]:
            return text
        return plain_value(text, dumped=self._dumped, number=self._number)


def plain_value(text: str, *, dumped: bool, number: ReadNumber = float) -> Any:
    """What an unquoted scalar stands for: null, true, false, a number, or itself. The rest: see `YamlReader`."""
    if text in _WORDS:
        return _WORDS[text]
    if text[:1].isalpha():  # as most of them
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    form = _DUMPED_NUMBER if dumped else _NUMBER
    return number(text) if form.fullmatch(text) else text


def line_of(event: Any) -> int:
    """The line where an event begins."""
    return int(event.start_mark.line) + 1


def describe(text: str, error: Exception) -> tuple[int | None, str]:
    """The line and the words of an error of the parser or of a value."""
    import yaml

    if isinstance(error, YamlMistakeError):
        return error.line, str(error)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        if error.problem == "exceeded maximum nesting depth":  # libyaml's own limit, which it meets while reading ahead
            return error.problem_mark.line + 1, _TOO_DEEP
        begun = f" {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        return error.problem_mark.line + 1, f"is not YAML: {error.problem}{begun}"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode("utf-8", "replace").count(b"\n", 0, error.position) + 1
        # libyaml gives its number, PyYAML's own reader the character.
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return line, f"is not YAML: the character U+{code:04X} is not allowed"
    return None, f"is not YAML: {' '.join(str(error).split())}"


def _forbidden(event: Any) -> YamlMistakeError:
    tag = event.tag.replace(_STANDARD, "!!", 1)
    return YamlMistakeError(line_of(event), f"the tag {tag!r} is not allowed")


def _decoded(text: str, line: int) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise YamlMistakeError(line, "a !!binary is not base64") from None


def _merged(value: Any, line: int) -> dict[str, Any]:
    """The pairs that `<<:` merges: of a mapping, or of a list whose earlier items take precedence."""
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in listed):
        raise YamlMistakeError(line, "`<<` takes a mapping or a list of mappings")
    return {key: item[key] for item in reversed(listed) for key in item}
