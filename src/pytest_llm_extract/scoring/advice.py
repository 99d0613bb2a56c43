"""Hints of many leaves become one line of advice for each field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Outcome
from pytest_llm_extract.wording import some_names

_WORDS = {Outcome.WRONG: "wrong", Outcome.MISSING: "missing", Outcome.SPURIOUS: "spurious"}
_SHARE = 0.1  # of the values in question that one hint explains, at least

_PLAIN = {"casefold": "case", "punctuation": "punctuation", "accents": "accents", "spaces": "white space"}
_SINGULAR = {"match": "matches", "are": "is", "have": "has"}
_MEANINGS = {
    "date": ("match as dates", "consider DateText({})"),
    "number": ("match as numbers", "consider NumberText({})"),
    "unit": ("differ in their unit only", "say in the prompt which one, or whether to leave it out"),
    "containment": (
        "hold the right value, or a part of it",
        "say in the prompt how much to quote",
    ),
    "sibling": ("are the value of the field {!r}", "say in the prompt what tells the two fields apart"),
    "other_number": ("are another number", "no rule makes them right; look at what the model reads"),
    "prompt": (
        "are in the {} of the prompt and not in the document",
        "the model repeats its prompt: say what is an example, or try without it",
    ),
    "label": ("are the label of the value", "say in the prompt that the value follows its label"),
    "end": ("are the end of the document", "say in the prompt where the value is"),
    "loop": ("repeat themselves", "no rule makes them right; a frequency penalty or another model may"),
    "unread": ("have the right value in a notation that the schema does not read", "say in the prompt how to write it"),
}


class Advice(NamedTuple):
    """What explains `explained` of `n` values; `what` says what they are: `wrong`, `lost`."""

    explained: int
    n: int
    what: tuple[str, ...]
    meaning: str
    remedy: str

    def __str__(self) -> str:
        what = " and ".join(self.what)
        if self.n == 1:
            return f"the {what} value {_alone(self.meaning)}: {self.remedy}"
        return f"{self.explained} of the {self.n} {what} values {self.meaning}: {self.remedy}"


def advise(leaves: Iterable[Leaf], what: str = "wrong") -> str | None:
    """`51 of the 53 lost values match as dates: consider DateText()`; None when no hint explains a tenth of them.

    `leaves` are those in question, explained or not; `what` says what they are.
    """
    advice = _advise(leaves, (what,))
    return None if advice is None else str(advice)


def _advise(leaves: Iterable[Leaf], what: tuple[str, ...]) -> Advice | None:
    hints = [leaf.hint for leaf in leaves]
    kinds = Counter(_kind(hint) for hint in hints if hint)
    if not kinds:
        return None
    kind, explained = max(kinds.items(), key=lambda item: (item[1], item[0]))
    if explained < len(hints) * _SHARE:
        return None
    meaning, remedy = _meaning(kind, [hint for hint in hints if hint and _kind(hint) == kind])
    return Advice(explained, len(hints), what, meaning, remedy)


def _alone(meaning: str) -> str:
    """What is said of several values, of one: `matches as a date`."""
    verb, _, rest = meaning.partition(" ")
    rest = rest.replace("as dates", "as a date").replace("as numbers", "as a number")
    rest = rest.replace("in their unit", "in its unit").replace("themselves", "itself")
    return f"{_SINGULAR.get(verb, f'{verb}s')} {rest}"


def advice(results: Iterable[CaseResult]) -> dict[str, str]:
    """Advice by field path, for what is wrong, missing or spurious; fields that nothing cheap explains are left out."""
    return {path: str(advised) for path, advised in _by_field(results).items()}


def shared_advice(results: Iterable[CaseResult]) -> list[str]:
    """Lines of advice: `date: 51 of …`. Fields with the same advice have one line, and their values are added up."""
    groups: dict[tuple[str, str], list[tuple[str, Advice]]] = {}
    for path, given in _by_field(results).items():
        groups.setdefault((given.meaning, given.remedy), []).append((path, given))
    lines = []
    for (meaning, remedy), members in groups.items():
        words = {word for _, one in members for word in one.what}
        what = tuple(word for word in _WORDS.values() if word in words)
        explained, n = (sum(getattr(one, name) for _, one in members) for name in ("explained", "n"))
        shared = Advice(explained, n, what, meaning, remedy)
        lines.append(f"{some_names(visible(path) for path, _ in members)}: {shared}")
    return lines


def _by_field(results: Iterable[CaseResult]) -> dict[str, Advice]:
    lost: dict[str, list[Leaf]] = {}
    for sample in (sample for result in results for sample in result.samples):
        for path, leaves in sample.leaves.items():
            lost.setdefault(path, []).extend(leaf for leaf in leaves if leaf.outcome in _WORDS)
    advised = {}
    for path, values in lost.items():
        # Missing and spurious values count where a hint explains some of them.
        hinted = {leaf.outcome for leaf in values if leaf.hint} | {Outcome.WRONG}
        asked = [leaf for leaf in values if leaf.outcome in hinted]
        words = tuple(word for outcome, word in _WORDS.items() if any(leaf.outcome is outcome for leaf in asked))
        if (one := _advise(asked, words)) is not None:
            advised[path] = one
    return advised


def _kind(hint: str) -> str:
    kind = hint.split(":")[0]
    if kind == "sibling":
        return hint  # the values of two other fields have nothing in common
    return kind if kind in _MEANINGS else "text"


def _meaning(kind: str, hints: list[str]) -> tuple[str, str]:
    if kind == "text":
        needed = sorted({part for hint in hints for part in hint.split("+")})
        arguments = ", ".join(f"{name}=True" for name in needed)
        return f"match without {' and '.join(map(_PLAIN.__getitem__, needed))}", f"consider Text({arguments})"
    kind = kind.partition(":")[0]
    meaning, remedy = _MEANINGS[kind]
    details = [detail for detail, _ in Counter(hint.partition(":")[2] for hint in hints).most_common()]
    detail = " or the ".join(details) if kind == "prompt" else details[0]
    name = {"date": "order=", "number": "locale="}.get(kind, "")
    return meaning.format(detail), remedy.format(f'{name}"{detail}"' if detail else "")
