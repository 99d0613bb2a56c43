"""Recognize keys by their shape."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from pytest_llm_extract.credentials.key_shapes import ASSIGNED, NAMED, TOKENS

_SPACE, _CHUNK = re.compile(r"\s"), 500_000
_SHORTEST = 15  # characters of a key, and of the word that it is a part of
_SHORTEST_ASSIGNED, _LONGEST_NAME = 24, 48
_IS_NAMED = re.compile(r"[Kk](?:ey|EY)|[Tt](?:oken|OKEN)|[Ss](?:ecret|ECRET)")
_MOST_WORDLIKE = 3  # changes between small letters, capitals and digits, in names such as `north-2024-b7`
# A pattern that begins with the text itself is found fastest, so that what must not be before it comes behind it.
# They are compiled when they are needed: most texts hold nothing that begins so.
_BEGIN = tuple(
    (token, rf"{re.escape(token.begin)}(?<![A-Za-z0-9_-]{re.escape(token.begin)}){token.rest}") for token in TOKENS
)
_NO_PASSWORD = re.compile(r"\W*\w*[*$%{}\[\]<>]|(?i:x+|\.+|password|passwd|pass|pw|pwd|secret|changeme|redacted)$")


def shapes_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Every key in a text: its kind, start and end."""
    # Most words are short, and what begins a key is looked for in the long ones alone.
    words = [*_long_words(text)]
    shapes = [*_tokens(text, "\n".join(words)), *_named(text, "\n".join(words).lower())]
    yield from shapes
    ends = {end for _, _, end in shapes}
    yield from (assigned for assigned in _assigned(text, words) if assigned[2] not in ends)


def _long_words(text: str) -> Iterator[str]:
    """Words that are long enough to hold a key; a large text is not split as a whole, which takes ten times as much."""
    at = 0
    while at < len(text):
        space = _SPACE.search(text, at + _CHUNK)
        end = space.start() if space else len(text)
        yield from (word for word in text[at:end].split() if len(word) >= _SHORTEST)
        at = end


def _tokens(text: str, words: str) -> Iterator[tuple[str, int, int]]:
    for token, pattern in _BEGIN:
        if token.begin in words:
            for match in re.finditer(pattern, text):
                if not token.is_random or _looks_random(match[0][len(token.begin) :]):
                    yield token.kind, match.start(), match.end()


def _named(text: str, words: str) -> Iterator[tuple[str, int, int]]:
    lower = text.lower()
    for named in NAMED:
        if any(hint in (words if named.is_word else lower) for hint in named.hints):
            for match in re.finditer(named.pattern, text):
                if (check := _CHECKS.get(named.kind)) is None or check(match[0]):
                    yield named.kind, match.start(), match.end()


def _assigned(text: str, words: list[str]) -> Iterator[tuple[str, int, int]]:
    """What names such as `api_key` are given: long words of letters, capitals and digits."""
    at = 0
    for word in words:
        at = text.find(word, at)
        if len(word) >= _SHORTEST_ASSIGNED and not word.isupper() and not word.islower():
            start, end = max(0, at - _LONGEST_NAME), at + len(word)
            near = text[start:end]
            if _IS_NAMED.search(near) and _looks_random(word):
                assigned = re.finditer(ASSIGNED, near)
                yield from (("a key by its name", start + match.start(), start + match.end()) for match in assigned)
        at += len(word)


def is_placeholder_password(user: str, password: str) -> bool:
    """Whether the password of a URL stands for one (`${PASSWORD}`, `***`, `<password>`) or is the user's name again."""
    return not password or user == password or _NO_PASSWORD.match(password) is not None


def _looks_random(text: str) -> bool:
    """Whether letters, capitals and digits take turns as they do in no word, number, or several of them."""
    n_changes, before = 0, ""
    for letter in text[:64]:
        kind = "0" if letter.isdigit() else "a" if letter.islower() else "A" if letter.isupper() else ""
        n_changes += bool(kind and before) and kind != before and (before, kind) != ("A", "a")
        before = kind
        if n_changes > _MOST_WORDLIKE:
            return True
    return False


def _is_user_and_password(match: str) -> bool:
    """Whether the word after `Basic` is base64 of a text with a colon."""
    coded = match.split()[1]
    try:
        return b":" in base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except ValueError:
        return False


def _has_password(match: str) -> bool:
    user, _, password = match.removeprefix("://").rpartition("@")[0].partition(":")
    return not is_placeholder_password(user, password)


_CHECKS = {"a user and password": _is_user_and_password, "a password in a URL": _has_password}
