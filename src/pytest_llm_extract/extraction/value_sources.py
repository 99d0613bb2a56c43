"""Where a wrong value comes from, if not from the right place of the document: from the prompt, a label, a loop."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.formats.jsonable import as_json
from pytest_llm_extract.formats.repetition import repeated_end
from pytest_llm_extract.lints.occurrence import FOLDED, Searchable
from pytest_llm_extract.prompt.prompt_call import document_text
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Outcome
from pytest_llm_extract.scoring.compare.texts import folded
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wire_formats.request import split_request

_ASKED = (Outcome.WRONG, Outcome.SPURIOUS)
_UNTOLD = (None, "other_number")  # hints that say less than where a value comes from
_SHORTEST_END = 6  # characters that do not end a document by chance
_AFTER_LABEL = re.compile(r" *[:#=]| {2,}|\t")
_SHORTEST_NUMBER = 2  # digits of a whole number that is in no prompt by chance
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LINE = 80  # characters behind a label in which its value stands


class CaseTexts(NamedTuple):
    """What a request holds of its case: the document, None for a file that is not text, and `others`.

    Those are further columns and retrieved passages; None for an extractor, which may send anything beside a document.
    """

    document: str | None
    others: tuple[str, ...] | None = ()


def texts_of(suite: Suite, golden: GoldenCase) -> CaseTexts:
    """The texts of a case that a prompt may hold."""
    case, call, document = golden.case, suite.call, document_text(golden.case)
    if document is not None and document.startswith("sha256:"):
        document = None
    if call is None:
        return CaseTexts(document, None)
    columns = {name: value for name, value in case.prompt_columns.items() if name != "input"}
    passages = call.context.kept.get(case.id) if call.context else None
    return CaseTexts(document, tuple(_strings(as_json([columns, passages, case.context]))))


def with_sources(
    result: CaseResult, requests: Sequence[bytes], texts: Callable[[], CaseTexts], choices: Collection[str] = ()
) -> CaseResult:
    """Give wrong and spurious leaves that nothing explains a hint on where their value comes from.

    Args:
        result: of the first sample, or of any.
        requests: the bodies that were sent for it, of which the first is read: later ones may hold the answer itself.
        texts: gives what they hold of the case; called only where something is to be explained.
        choices: values of fields with few values, which a prompt lists and nobody copies from it.
    """
    if not any(_is_asked(leaf) for leaves in result.leaves.values() for leaf in leaves):
        return result
    sources = ValueSources(requests[0] if requests else b"", texts(), choices)
    leaves = {path: tuple(sources.explain(path, leaf) for leaf in found) for path, found in result.leaves.items()}
    return dataclasses.replace(result, leaves=leaves)


def _is_asked(leaf: Leaf) -> bool:
    is_single = isinstance(leaf.actual, str | int | float) and not isinstance(leaf.actual, bool)
    return is_single and leaf.outcome in _ASKED and leaf.hint in _UNTOLD and not leaf.is_row


class ValueSources:
    """The document and what is around it in its request, for values to be looked for in."""

    def __init__(self, request: bytes, texts: CaseTexts, choices: Collection[str] = ()) -> None:
        self._request, self._texts, self._choices = request, texts, choices
        self._text = texts.document or ""
        given = None if texts.document is None else "\n".join([texts.document, *(texts.others or ())])
        self._given = Searchable(given)

    def explain(self, path: str, leaf: Leaf) -> Leaf:
        """The leaf with a hint: `loop`, `label`, `prompt:<part>` or `end`; as it is where nothing is found."""
        if not _is_asked(leaf):
            return leaf
        source = self._of_text(path, leaf) if isinstance(leaf.actual, str) else None
        hint = source or self._prompt(leaf.actual) or self._end(leaf)
        return leaf if hint is None else leaf._replace(hint=hint)

    def _of_text(self, path: str, leaf: Leaf) -> str | None:
        text = leaf.actual.strip()
        if repeated_end(text) is not None:
            return "loop"
        return "label" if self._is_label(path, text, leaf.expected) else None

    def _is_label(self, path: str, text: str, expected: Any) -> bool:
        """Whether a value is the name of its field, or is in the document right before the expected value."""
        words = re.sub(r"[\W_]+", " ", text).casefold().strip()
        if not words or any(map(str.isdigit, words)):
            return False
        name = path.rpartition(".")[2].removesuffix("[]").replace("_", " ").casefold()
        if words == name:
            return True
        at = self._text.casefold().find(text.casefold())
        rest = self._text[at + len(text) :]
        if at < 0 or expected is None or _AFTER_LABEL.match(rest) is None:
            return False
        return Searchable(rest[:_LINE].lstrip(" :#=\t\n").partition("\n")[0]).holds(expected) is True

    def _prompt(self, value: Any) -> str | None:
        """`prompt:examples`, `prompt:instructions` or `prompt:schema`, for a value that the document does not have."""
        if value in self._choices or (len(str(value)) < _SHORTEST_NUMBER and str(value).isdigit()):
            return None
        # The prompt goes first: it is the same for every case, and read once.
        part = next((name for name, part in self._parts if _stands_in(part, value)), None)
        return f"prompt:{part}" if part is not None and self._lacks(value) else None

    def _lacks(self, value: Any) -> bool:
        """Whether the case does not have a value. Without its year it has no date, whatever names of months say."""
        text = self._given.text
        if isinstance(value, str) and _ISO_DATE.match(value) and text is not None:
            year = value[:4]
            if year not in text and re.search(rf"\b{year[2:]}\b", text) is None:
                return True
        return self._given.holds(value) is False

    def _end(self, leaf: Leaf) -> str | None:
        if not isinstance(leaf.actual, str):
            return None
        value, text = (" ".join(one.split()).casefold() for one in (leaf.actual, self._text))
        return "end" if len(value) >= _SHORTEST_END and value != text and text.endswith(value) else None

    @cached_property
    def _parts(self) -> list[tuple[str, Searchable]]:
        request = split_request(_json(self._request))
        turns = request.get("messages")
        *shown, last = turns if isinstance(turns, list) and turns else [None]
        asked = last if self._texts.others is not None else None
        parts = (
            ("examples", _strings(shown)),
            ("instructions", _strings([request.get("system prompt"), asked])),
            ("schema", _described(request.get("schema"))),
        )
        texts = ((name, self._without_case("\n".join(written))) for name, written in parts)
        return [(name, _searchable(text)) for name, text in texts if text.strip()]

    def _without_case(self, text: str) -> str:
        for own in (self._text, *(self._texts.others or ())):
            text = text.replace(own, "\n") if len(own) >= _SHORTEST_END else text
        return text


@lru_cache(maxsize=16)  # of all cases of a suite, mostly
def _searchable(text: str) -> Searchable:
    return Searchable(text)


def _stands_in(part: Searchable, value: Any) -> bool:
    """Whether a value occurs in a part of a prompt: dates as they are written, words only side by side.

    A prompt has most words somewhere, and names of months take a second to load.
    """
    text = part.text or ""
    if isinstance(value, str) and _ISO_DATE.match(value):
        return value in text
    if not part.holds(value):
        return False
    if not isinstance(value, str) or any(map(str.isdigit, value)):
        return True
    return f" {folded(value, FOLDED)} " in f" {folded(text, FOLDED)} "


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # a form, or hashes instead of a request
        return {}


def _strings(value: Any) -> Iterator[str]:
    """All strings in a JSON value, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _described(schema: Any) -> Iterator[str]:
    """What a JSON Schema says about its fields: descriptions, examples and defaults, not the values that it allows."""
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name in ("description", "examples", "example", "default"):
                yield from _strings(inner)
            if isinstance(inner, dict | list) and name not in ("enum", "const"):
                yield from _described(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _described(inner)
