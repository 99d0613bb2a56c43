"""Few-shot examples that are cases of the golden data: the prompt holds the answer that it is tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_llm_extract.lints.documents import Document
from pytest_llm_extract.lints.finding import Finding
from pytest_llm_extract.lints.near_duplicates import Neighbours, is_near, similarity
from pytest_llm_extract.results.recipe import ExampleDocument
from pytest_llm_extract.results.suite_result import SuiteResult

_SAME_ID = 60.0  # percent of characters that an example shares with the case of its id, if it is meant to be that case


class ShownExamples(NamedTuple):
    """What a variant shows as examples: the `fixed` ones with every case, and `own` ones of single cases by their id.

    Of its own examples a case has those here that may be the case itself, as `may_be_case` says.
    """

    variant: str
    fixed: tuple[ExampleDocument, ...]
    own: Mapping[str, Sequence[ExampleDocument]]


def shown_examples(suites: Sequence[SuiteResult]) -> list[ShownExamples]:
    """The examples of variants that ran."""
    return [
        ShownExamples(
            suite.variant,
            suite.recipe.examples if suite.recipe else (),
            {case.id: case.near_examples for case in suite.cases if case.near_examples},
        )
        for suite in suites
    ]


def may_be_case(example: ExampleDocument, case_id: str, text: str) -> bool:
    """Whether an example may be a case, seen by itself: nearly, or by its id. Only other documents tell a template."""
    return is_near(text, example.text) or (example.id == case_id and similarity(text, example.text) >= _SAME_ID)


def find_contamination(documents: Sequence[Document], shown: Sequence[ShownExamples]) -> list[Finding]:
    """An error for each case that a variant shows as an example with it: by id, as it is, or nearly.

    Two rows of one id are the same case only if their documents are alike: many files count from 1.

    Args:
        documents: of the golden data.
        shown: the examples of each variant.
    """
    every = _by_example(shown)
    if not every:
        return []
    read = [document for document in documents if document.text]
    listed = list(every)
    places = {document.id: at for at, document in enumerate(read)}
    neighbours = Neighbours([document.text or "" for document in read] + [example.text for example in listed])
    findings = []
    for number, example in enumerate(listed):
        alike = {at: ratio for at, ratio in neighbours.of(len(read) + number).items() if at < len(read)}
        at = places.get(example.id or "")
        if at is not None and (ratio := similarity(read[at].text or "", example.text)) >= _SAME_ID:
            alike.setdefault(at, ratio)
        for at, ratio in alike.items():
            if variants := [name for name, cases in every[example] if cases is None or read[at].id in cases]:
                findings.append((at, number, _finding(read[at], example, variants, ratio)))
    return [finding for _, _, finding in sorted(findings, key=lambda found: found[:2])]


def _by_example(shown: Sequence[ShownExamples]) -> dict[ExampleDocument, list[tuple[str, frozenset[str] | None]]]:
    """The variants that show an example, each with the cases that have it; None for every case."""
    every: dict[ExampleDocument, list[tuple[str, frozenset[str] | None]]] = {}
    for variant, fixed, own in shown:
        for example in fixed:
            every.setdefault(example, []).append((variant, None))
        cases: dict[ExampleDocument, list[str]] = {}
        for case, examples in own.items():
            for example in examples:
                cases.setdefault(example, []).append(case)
        for example, having in cases.items():
            every.setdefault(example, []).append((variant, frozenset(having)))
    return every


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
    findings = find_contamination(documents, shown_examples(suites))
    return frozenset(case for finding in findings if finding.key not in settled for case in finding.cases)
