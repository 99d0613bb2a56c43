"""Find what a project keeps out of its files and off the terminal."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.credentials.encodings import forms, readings, spaceless
from pytest_llm_extract.credentials.environment import environment_secrets
from pytest_llm_extract.credentials.key_patterns import shapes_in
from pytest_llm_extract.credentials.location import place_of
from pytest_llm_extract.credentials.sent_credentials import travelled
from pytest_llm_extract.errors import SecretFoundError, UsageError

_LONG = 1_000_000  # characters, beyond which a secret that is encoded is not located
_END = re.compile(r", |\n|\Z")
_EDGE = 12  # characters of a secret that are taken for it where the rest is cut off


class FoundSecret(NamedTuple):
    """A secret that a text holds: its kind and its place, never the secret itself."""

    secret: str
    line: int
    place: str

    def __str__(self) -> str:
        return f"{self.secret} is in {self.place}"


@dataclass(frozen=True)
class Watch:
    """Finds secrets: values of variables, credentials that requests carried, well-known shapes, a project's patterns.

    `named` and `spared` are globs of variables that count, and that do not; `allowed` are patterns of texts that look
    like a secret and are none.
    """

    named: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    allowed: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str], source: str) -> Watch:
        """From lines of the ini: `MY_VARIABLE`, `ACME_*`, `re:PATTERN`, and each with a `!` before it for the opposite.

        Raises:
            UsageError: a pattern is none, or it matches the empty text.
        """
        lists: dict[tuple[bool, bool], list[str]] = {}
        for entry in filter(None, map(str.strip, entries)):
            text = entry.removeprefix("!").strip()
            lists.setdefault((entry.startswith("!"), text.startswith("re:")), []).append(text.removeprefix("re:"))
        for name in lists.get((False, False), []) + lists.get((True, False), []):
            if not re.fullmatch(r"[\w*?\[\]-]*[A-Za-z][\w*?\[\]-]*", name):
                raise UsageError(source, f"{name!r} is not an environment variable; a pattern begins with re:")
        return cls(
            tuple(lists.get((False, False), ())),
            tuple(lists.get((True, False), ())),
            tuple(_pattern(text, source) for text in lists.get((False, True), ())),
            tuple(_pattern(text, source) for text in lists.get((True, True), ())),
        )

    def find(
        self, text: str, environ: Mapping[str, str] | None = None, said: Iterable[tuple[str, str]] = ()
    ) -> list[FoundSecret]:
        """Every secret that a text holds, a cassette's for example, however it is written: one finding for each.

        Escapes, percent signs, entities, hex, base32, base64, gzip, UTF-16 and line breaks are seen through. `environ`
        is the environment of this process unless it is given. `said` are texts that the text holds in pieces, each
        with its place in words.
        """
        values = self._values(environ)
        secrets = [self._located(text, secret, values.get(secret)) for secret in self._in_any_reading(text, values)]
        known = {finding.secret for finding in secrets}
        for place, whole in said:
            in_pieces = self._in_any_reading(whole, values) - known
            secrets += [FoundSecret(secret, 1, f"{place}, in pieces") for secret in in_pieces]
            known |= in_pieces
        return sorted(secrets, key=lambda finding: (finding.line, finding.secret))

    def refuse(
        self,
        text: str,
        path: Path,
        environ: Mapping[str, str] | None = None,
        said: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Make sure that a string may be written; the arguments are those of `find`.

        Raises:
            SecretFoundError: it holds a secret.
        """
        if secrets := self.find(text, environ, said):
            raise SecretFoundError(path, secrets[0].secret, secrets[0].place)

    def hide(self, text: str) -> str:
        """A text for people, with `[hidden: …]` in the place of secrets, also of such that are cut off at an end."""
        spans = sorted(self._spans(text))
        pieces, at = [], 0
        for start, end, secret in spans:
            if end <= at:
                continue
            if start >= at:
                pieces += [text[at:start], f"[hidden: {secret}]"]
            at = end
        return "".join([*pieces, text[at:]]) if spans else text

    def is_in(self, texts: Iterable[str]) -> bool:
        """Whether one of these texts says a secret."""
        return next(self._spans("\n".join(texts)), None) is not None

    def hidden(self, value: Any) -> Any:
        """A JSON-like value with the secrets in its strings hidden."""
        text = json.dumps(value, ensure_ascii=False, default=str)
        return _mapped(value, self.hide) if any(True for _ in self._spans(text)) else value

    def _values(self, environ: Mapping[str, str] | None) -> dict[str, frozenset[str]]:
        """The values to look for in all their forms, by kind."""
        variables = environment_secrets(environ, self.named, self.spared)
        forms_by_name = {
            f"the value of ${name}": frozenset().union(*map(forms, values)) for name, values in variables.items()
        }
        if environ is None and (carried := travelled()):
            known = {value for values in variables.values() for value in values} | self._spared_values()
            for value, where in carried.items():
                if value not in known and not any(pattern.search(value) for pattern in self.allowed):
                    label = f"the credential in a request's {where}"
                    forms_by_name[label] = forms_by_name.get(label, frozenset()) | forms(value)
        return forms_by_name

    def _spared_values(self) -> set[str]:
        if not self.spared:
            return set()
        return {value for name, value in os.environ.items() if any(fnmatchcase(name, glob) for glob in self.spared)}

    def _in_any_reading(self, text: str, values: dict[str, frozenset[str]]) -> set[str]:
        secrets: set[str] = set()
        for reading in readings(text):
            dense = spaceless(reading)
            secrets.update(secret for secret, known in values.items() if any(form in dense for form in _dense(known)))
            secrets.update(secret for secret, _, _ in self._shapes(reading))
        return secrets

    def _located(self, text: str, secret: str, known: frozenset[str] | None) -> FoundSecret:
        """The place of a secret: where it is as it is, else where it is complete, found by halving."""
        end = min((end for _, end, name in self._spans_of(text, secret, known) if name == secret), default=None)
        if end is None and len(text) > _LONG:
            return FoundSecret(secret, 1, f"{len(text):,} characters, where it is encoded")
        if end is not None and end > _LONG:
            return _roughly(secret, text, end)
        up_to = text[: self._complete_at(text, secret, known) if end is None else end]
        return FoundSecret(secret, len(up_to.splitlines()), self.hide(place_of(up_to)))

    def _complete_at(self, text: str, secret: str, known: frozenset[str] | None) -> int:
        """The end of the line, or of the value in a line, with which an encoded secret is complete."""
        ends = [match.end() for match in _END.finditer(text)]
        values = {secret: known} if known else {}
        low, high = 0, len(ends) - 1
        while low < high:
            middle = (low + high) // 2
            is_there = secret in self._in_any_reading(text[: ends[middle]], values)
            low, high = (low, middle) if is_there else (middle + 1, high)
        return ends[low]

    def _spans_of(self, text: str, secret: str, known: frozenset[str] | None) -> Iterator[tuple[int, int, str]]:
        """The spans of one secret that the text holds as it is: a known value, whole, or a shape."""
        if known is None:
            yield from ((start, end, name) for name, start, end in self._shapes(text))
        else:
            places = ((text.find(form), len(form)) for form in known)
            yield from ((at, at + length, secret) for at, length in places if at >= 0)

    def _shapes(self, text: str) -> Iterator[tuple[str, int, int]]:
        shapes = [*shapes_in(text)]
        for pattern in self.patterns:
            shapes += [(_said_of(pattern), *match.span()) for match in pattern.finditer(text)]
        for name, start, end in shapes:
            if not any(pattern.search(text, start, end) for pattern in self.allowed):
                yield name, start, end

    def _spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """The spans of secrets that the text holds unencoded."""
        for secret, known in self._values(None).items():
            for form in known:
                yield from ((start, end, secret) for start, end in _occurrences(text, form))
        for name, start, end in self._shapes(text):
            yield start, end, name


@lru_cache(maxsize=256)
def _dense(forms: frozenset[str]) -> tuple[str, ...]:
    return tuple(map(spaceless, forms))


def _roughly(secret: str, text: str, end: int) -> FoundSecret:
    """The line of a secret that stands too far down for the text to be split into lines."""
    line, n_interactions = text.count("\n", 0, end) + 1, text.count("\n- request:", 0, end)
    return FoundSecret(secret, line, f"line {line}" + (f" (interaction {n_interactions})" if n_interactions else ""))


def _pattern(text: str, source: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise UsageError(source, f"re:{text} is not a valid pattern: {error}") from None
    if pattern.search(""):
        raise UsageError(source, f"re:{text} matches the empty string, so nothing could be written")
    return pattern


def _said_of(pattern: re.Pattern[str]) -> str:
    """The name of a pattern's match. A pattern that matches itself is the secret and is not printed."""
    return f"what {'a pattern' if pattern.search(pattern.pattern) else f're:{pattern.pattern}'} matches"


def _occurrences(text: str, form: str) -> Iterator[tuple[int, int]]:
    """The spans of a secret, whole or cut off at one end."""
    edge = min(_EDGE, len(form))
    head, tail = form[:edge], form[-edge:]
    at = text.find(head)
    while at >= 0:
        end = at + edge
        while end < len(text) and end - at < len(form) and text[end] == form[end - at]:
            end += 1
        yield at, end
        at = text.find(head, end)
    at = text.find(tail)
    while at >= 0:
        start, end = at, at + edge
        while start > 0 and end - start < len(form) and text[start - 1] == form[start - 1 - end]:
            start -= 1
        yield start, end
        at = text.find(tail, end)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(member, change) for name, member in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list | tuple) else value
