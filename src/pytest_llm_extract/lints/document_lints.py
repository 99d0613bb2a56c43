"""Lints of documents: empty, cut off, decoded wrongly, twice, or too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pytest_llm_extract.lints.documents import Document
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.lints.near_duplicates import near_duplicates, text_digest
from pytest_llm_extract.results.prices import context_window

_SHORTEST = 3  # letters and digits of a document that can hold anything
_ALIKE_LONG = 3  # documents of the very same greatest length were cut at it
_LONG = 500
_CUT = re.compile(r"\[(?:truncated|cut|snip)[^\]]*\]\s*$|(?:\.\.\.|…)\s*$", re.IGNORECASE)
# UTF-8 that was read as Windows-1252 or Latin-1, and what decoders put where they fail.
_MOJIBAKE = re.compile("[\u00c2\u00c3][\u0080-\u00bf\u0192\u201a-\u201e\u2020-\u2022\u2030\u0160\u0161]|â€.|\ufffd|ï»¿")
_CHARACTERS_A_TOKEN = 3.0  # of most languages and tokenizers, on the safe side
_SMALLEST_WINDOW = 2_000  # tokens, of any model in use: price lists load slowly
_SHOWN = 200


def lint_documents(documents: Sequence[Document], models: Iterable[str]) -> Iterator[Finding]:
    """What is wrong with the documents themselves; `models` are those that read them."""
    longest = Counter(len(document.text) for document in documents if document.text is not None)
    cut_at = max(longest, default=0)
    asked = models if cut_at > _SMALLEST_WINDOW * _CHARACTERS_A_TOKEN else ()
    windows = {model: window for model in asked if (window := context_window(model)) is not None}
    is_cut = cut_at >= _LONG and longest[cut_at] >= _ALIKE_LONG
    for document in documents:
        text = document.text
        if text is None:
            continue
        if len(text) < _LONG and document.gold and (n_signs := sum(map(str.isalnum, text))) < _SHORTEST:
            yield _finding("empty", document, f"has {n_signs} letters or digits")
        elif is_cut and len(text) == cut_at:
            what = f"is {cut_at:,} characters long, as {longest[cut_at] - 1} others: the longest there are"
            yield _finding("cut_off", document, what)
        elif match := _CUT.search(text):
            yield _finding("cut_off", document, f"ends with {match[0].strip()!r}")
        if match := _MOJIBAKE.search(text):
            around = text[max(0, match.start() - 20) : match.end() + 20]
            yield _finding("mojibake", document, f"has {around!r}")
        for model, window in windows.items():
            if len(text) / _CHARACTERS_A_TOKEN > window:
                what = f"about {len(text) / _CHARACTERS_A_TOKEN:,.0f} tokens; {model} takes {window:,}"
                yield _finding("beyond_context", document, what)


def _finding(kind: str, document: Document, message: str) -> Finding:
    text = document.text or ""
    return Finding(kind, (document.id,), message, shown=(text[:_SHOWN],), evidence=text_digest(text))


class Twins(list[tuple[Document, Document, float]]):
    """Pairs of documents that are the same or nearly so, with percent of likeness."""


def find_twins(documents: Sequence[Document]) -> Twins:
    """Every pair of duplicates and near-duplicates among documents that are text."""
    read = [document for document in documents if document.text]
    pairs = near_duplicates([document.text or "" for document in read])
    return Twins((read[one], read[other], ratio) for one, other, ratio in pairs)


def lint_twins(twins: Twins) -> Iterator[Finding]:
    """Documents that are there twice, unless they have a group in common."""
    for one, other, ratio in twins:
        if one.group is not None and one.group == other.group:
            continue
        kind = "duplicate" if ratio == 100 else "near_duplicate"
        how = "is the same document as" if ratio == 100 else f"is {ratio:.0f}% the same as"
        yield Finding(
            kind,
            (one.id, other.id),
            f"{how} {other.id}: remove one, or give both one `group`",
            shown=(one.text or "", other.text or ""),
            evidence=f"{text_digest(one.text or '')} {text_digest(other.text or '')}",
        )
