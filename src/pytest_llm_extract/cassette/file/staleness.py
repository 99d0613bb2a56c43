"""Why a cassette is stale: what changed between the recorded request and the one that found no answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pytest_llm_extract.cassette.file.changed_text import (
    changed_lines,
    changed_places,
    changed_words,
    recorded_document,
    text_of,
    without_files,
)
from pytest_llm_extract.cassette.file.exchange import Sent
from pytest_llm_extract.cassette.file.fingerprint import (
    Json,
    body_digest,
    compared_query,
    is_schema,
    meant,
    query_digest,
    read_json,
    schema_digest,
)
from pytest_llm_extract.cassette.file.multipart import BodyPart, read_parts
from pytest_llm_extract.wire_formats.request import split_request
from pytest_llm_extract.wording import counted

_MAX_LINES = 40
CACHED = "if a cache answered, give extractor= a function without it, or one that empties it first (and concurrency=1)"
VOLATILE = "is there a time or a random value in it? Take it out, fix it in the test, or name it in ignore=[…]"
AGAIN = "request sent in another order, or more often, than recorded"
# Dates and times, UUIDs, random hexadecimal digits and fractions, and timestamps.
_VOLATILE_VALUE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?|\b\d\d?:\d\d(:\d\d)?\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b(?=[a-f]*\d)[0-9a-f]{16,}\b|\b\d{10,}(\.\d+)?\b|\b\d\.\d{6,}\b",
    re.IGNORECASE,
)


class RequestChange(NamedTuple):
    """What changed in words (`system prompt changed`), the changed lines, and advice."""

    cause: str
    lines: tuple[str, ...]
    hint: str | None = None


class RequestDifference(NamedTuple):
    """One part of a request that changed."""

    part: str
    lines: list[str]
    is_volatile: bool = False


def fewer(n_sent: int, n_recorded: int) -> RequestChange:
    """An extraction that sent less than was recorded."""
    return RequestChange(f"only {n_sent} of the {counted(n_recorded, 'recorded request')} sent", (), CACHED)


def explain(recorded: Sent | None, sent: Sent, document: str | None) -> RequestChange:
    """Compare the request that was not found with a recorded one that was not sent.

    Args:
        recorded: None where every recorded request was sent.
        sent: the request that was not found.
        document: the case's own text, hidden in both, so that one prompt change reads the same for every case.
    """
    if recorded is None:
        return RequestChange("it sent one more request than was recorded", ())
    return told([*of_address(recorded, sent), *_of_body(recorded, sent, document)])


def told(differences: list[RequestDifference]) -> RequestChange:
    """All differences as one change."""
    if not differences:
        return RequestChange(AGAIN, ())
    lines = [line for difference in differences for line in difference.lines]
    is_volatile = all(difference.is_volatile for difference in differences)
    cause = f"{in_words([difference.part for difference in differences])} changed"
    return RequestChange(cause, tuple(lines[:_MAX_LINES]), VOLATILE if is_volatile else None)


def in_words(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def of_address(recorded: Sent, sent: Sent) -> Iterator[RequestDifference]:
    """What changed before the body: method, path, query and headers."""
    before, after = urlsplit(recorded.url), urlsplit(sent.url)
    yield from _of_value("method", recorded.method, sent.method)
    yield from _of_value("path", before.path, after.path)
    if recorded.scheme.version == 1:
        return
    if query_digest(recorded.method, before) != query_digest(sent.method, after):
        old, new = (_by_name(compared_query(sent.method, url)) for url in (before, after))
        yield from [] if "sha256" in old else _of_members("query", old, new)
        yield from [RequestDifference("query", [])] if "sha256" in old else []
    old, new = meant(recorded.headers, recorded.scheme), meant(sent.headers, sent.scheme)
    for name in sorted({*old, *new}):
        for one in _of_value(f"header {name!r}", old.get(name), new.get(name)):
            yield one._replace(is_volatile=False)  # the date in it is a version


def _by_name(pairs: list[tuple[str, str]]) -> dict[str, str]:
    names = dict.fromkeys(name for name, _ in pairs)
    return {name: ", ".join(value for other, value in pairs if other == name) for name in names}


def _of_value(part: str, old: str | None, new: str | None, shown: str = "") -> Iterator[RequestDifference]:
    if old != new:
        lines = [f"{sign}{shown}{value}" for sign, value in (("-", old), ("+", new)) if value is not None]
        yield RequestDifference(part, lines, None not in (old, new) and _settled(old) == _settled(new))


def _of_members(part: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[RequestDifference]:
    differences = [
        one for name in {**old, **new} for one in _of_value(name, old.get(name), new.get(name), f"{part}.{name}: ")
    ]
    if differences:
        yield RequestDifference(
            part,
            [line for one in differences for line in one.lines],
            all(one.is_volatile and "version" not in one.lines[0].partition(":")[0] for one in differences),
        )


def _of_body(recorded: Sent, sent: Sent, document: str | None) -> Iterator[RequestDifference]:
    if body_digest(recorded.body, recorded.scheme) == body_digest(sent.body, recorded.scheme):
        return
    before, after = read_json(recorded.body), read_json(sent.body)
    old_parts, new_parts = read_parts(recorded.body), read_parts(sent.body)
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_json(before, after, document, by_order=recorded.scheme.version > 1)
    elif old_parts is not None and new_parts is not None:
        yield from _of_parts(old_parts, new_parts)
    else:
        old, new = (body.decode("utf-8", "replace") for body in (recorded.body, sent.body))
        yield RequestDifference("request body", changed_lines(old, new), _settled(old) == _settled(new))


def _of_json(
    before: dict[str, Any], after: dict[str, Any], document: str | None, by_order: bool
) -> Iterator[RequestDifference]:
    then, now = split_request(before), split_request(after)
    of_document: list[str] = []
    for name in now:
        old, new = then.get(name), now[name]
        if (schema_digest(old) == schema_digest(new)) if by_order else (_plain(old) == _plain(new)):
            continue
        if changed_document := _of_document(old, new, document):
            of_document += changed_document
        else:
            is_volatile = _settled(old) == _settled(new) and _plain(old) != _plain(new)  # not their order alone
            yield RequestDifference(name, _changed_lines(name, old, new, document), is_volatile)
    if of_document:
        yield RequestDifference("document", list(dict.fromkeys(of_document)))


def _plain(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _of_document(old: Json, new: Json, document: str | None) -> list[str]:
    """The lines of a document that changed, text or files, where nothing else did; none where something else did."""
    old_files: list[str] = []
    new_files: list[str] = []
    before, after = without_files(old, old_files), without_files(new, new_files)
    if before == after and old_files != new_files:
        pairs = [pair for pair in zip(old_files, new_files, strict=False) if pair[0] != pair[1]]
        return [line for was, now in pairs for line in (f"-{was}", f"+{now}")]
    if not document or old_files != new_files:
        return []
    recorded = recorded_document(text_of(before), text_of(after), document)
    return [] if recorded is None else changed_words(recorded, document)


def _of_parts(before: list[BodyPart], after: list[BodyPart]) -> Iterator[RequestDifference]:
    """Parts are compared by their names, those of one name in their order."""
    for name in dict.fromkeys(part.name for part in (*before, *after)):
        old, new = ([part.view for part in parts if part.name == name] for parts in (before, after))
        for was, now in zip(old, new, strict=False):
            yield from _of_part(name, was, now)
        if len(old) != len(new):
            yield RequestDifference(f"number of parts {name!r}", [f"-{len(old)}", f"+{len(new)}"])


def _of_part(name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[RequestDifference]:
    words = {"filename": "file name", "content-type": "content type"}
    for member in {**old, **new}:
        if member != "content":
            yield from _of_value(
                f"{words[member]} of part {name!r}", old.get(member), new.get(member), f"{name}.{member}: "
            )
    was, now = old["content"], new["content"]
    if was == now:
        return
    is_binary = any("\0" in text or not _is_utf8(text) for text in (was, now))
    lines = [f"{len(was):,} bytes before, {len(now):,} now"] if is_binary else changed_lines(was, now)
    yield RequestDifference(f"content of part {name!r}", lines, _settled(was) == _settled(now))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that are not text are in it as surrogates
        return False
    return True


def _settled(value: Json) -> str:
    """The value as text, without the parts that differ in every run."""
    return _VOLATILE_VALUE.sub("~", json.dumps(value, sort_keys=True))


def _changed_lines(name: str, before: Json, after: Json, document: str | None) -> list[str]:
    if name not in ("schema", "parameters", "model"):
        old, new = (text_of(without_files(value, [])) for value in (before, after))
        if document and document in old and document in new:
            old, new = old.replace(document, "{{input}}"), new.replace(document, "{{input}}")
        if lines := changed_places(old, new):
            return lines
    elif name == "model":
        return changed_places(text_of(before), text_of(after))
    return [*_value_changes(name, before, after), *_order_changes(name, before, after)]


def _value_changes(name: str, before: Json, after: Json) -> list[str]:
    from deepdiff import DeepDiff

    changes: Any = DeepDiff(before or {}, after or {}, verbose_level=2, ignore_order=False).pretty()
    return [f"{name}: {line}" for line in str(changes).splitlines()]


def _order_changes(place: str, before: Json, after: Json, in_schema: bool = False) -> list[str]:
    """A line for each object inside a JSON Schema whose keys come in another order."""
    if isinstance(before, list) and isinstance(after, list):
        pairs = [(f"{place}[{n}]", *pair) for n, pair in enumerate(zip(before, after, strict=False))]
    elif isinstance(before, dict) and isinstance(after, dict):
        pairs = [(f"{place}.{key}", before[key], after[key]) for key in before if key in after]
    else:
        return []
    in_schema = in_schema or is_schema(before)
    lines = []
    if in_schema and isinstance(before, dict) and list(before) != list(after) and before.keys() == after.keys():
        lines = [f"{place}: order of keys changed: {', '.join(before)} → {', '.join(after)}"]
    return lines + [line for pair in pairs for line in _order_changes(*pair, in_schema)]
