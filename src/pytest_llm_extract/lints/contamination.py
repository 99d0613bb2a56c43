"""Few-shot examples that are cases of the golden data: the prompt holds the answer that it is tested on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_llm_extract.lints.documents import Document
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.lints.near_duplicates import near_duplicates, similarity
from pytest_llm_extract.results.recipe import ExampleDocument, Recipe
from pytest_llm_extract.results.suite_result import SuiteResult

_SAME_ID = 60.0  # percent of characters that an example shares with the case of its id, if it is meant to be that case


def find_contamination(documents: Sequence[Document], recipes: Iterable[tuple[str, Recipe | None]]) -> list[Finding]:
    """An error for each case that a variant has among its examples: by id, as it is, or nearly.

    Two rows of one id are the same case only if their documents are alike: many files count from 1.

    Args:
        documents: of the golden data.
        recipes: each variant's name with its prompt.
    """
    examples: dict[ExampleDocument, list[str]] = {}
    for variant, recipe in recipes:
        for example in recipe.examples if recipe else ():
            examples.setdefault(example, []).append(variant)
    if not examples:
        return []
    read = [document for document in documents if document.text]
    listed = list(examples)
    places = {document.id: at for at, document in enumerate(read)}
    alike: dict[tuple[int, int], float] = {}
    for one, other, ratio in near_duplicates([document.text or "" for document in read] + [e.text for e in listed]):
        if one < len(read) <= other:
            alike[one, other - len(read)] = ratio
    for number, example in enumerate(listed):
        at = places.get(example.id or "")
        if at is not None and (ratio := similarity(read[at].text or "", example.text)) >= _SAME_ID:
            alike.setdefault((at, number), ratio)
    return [
        _finding(read[at], listed[number], examples[listed[number]], r) for (at, number), r in sorted(alike.items())
    ]


def _finding(document: Document, example: ExampleDocument, variants: Sequence[str], ratio: float) -> Finding:
    how = "is" if ratio == 100 else f"is {ratio:.0f}% the same as"
    name = f"example {example.id!r}" if example.id is not None else "an example"
    return Finding(
        "contamination",
        (document.id,),
        f"{name} of {', '.join(dict.fromkeys(variants))} {how} the case {document.id!r}",
        severity="error",
        shown=(document.text or "", example.text),
        evidence=f"{example.id} {example.text}",
    )


def contaminated_cases(suites: Sequence[SuiteResult], documents: Sequence[Document]) -> frozenset[str]:
    """The cases that some variant has among its examples, without pairs that a person declared different."""
    settled = {key for suite in suites for key in suite.settled}
    findings = find_contamination(documents, ((suite.variant, suite.recipe) for suite in suites))
    return frozenset(case for finding in findings if finding.key not in settled for case in finding.cases)
