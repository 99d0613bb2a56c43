"""All lints of a suite, without those findings that a person settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.formats.wire import as_wire
from pytest_llm_extract.lints.contamination import ShownExamples, find_contamination, shown_examples
from pytest_llm_extract.lints.document_lints import find_twins, lint_documents, lint_twins
from pytest_llm_extract.lints.documents import Document, read_document
from pytest_llm_extract.lints.finding import KINDS, Finding
from pytest_llm_extract.lints.gold_lints import lint_contradictions, lint_fields, lint_gold, lint_suspects
from pytest_llm_extract.lints.retrieval import RetrievedField, lint_retrieval, retrieved_fields
from pytest_llm_extract.results.suite_result import SuiteResult, variants_by_id

MOST = 2_000  # documents that a test run lints by itself; `llm-extract lint` takes any number


class LintReport(NamedTuple):
    """What lints found in a suite; `n_settled` findings were settled by a person and are left out.

    `retrieval` says of each field of the variants that retrieve whether missed values are in their passages.
    """

    suite: str
    n_documents: int
    n_texts: int
    findings: tuple[Finding, ...]
    n_settled: int = 0
    retrieval: tuple[RetrievedField, ...] = ()

    @property
    def errors(self) -> list[Finding]:
        """The findings that make the results wrong."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each kind, in the order of KINDS."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def without_documents(self) -> LintReport:
        """The same findings without the documents that they show."""
        return self._replace(findings=tuple(finding._replace(shown=()) for finding in self.findings))

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins, for results.json."""
        return {
            "suite": self.suite,
            "n_documents": self.n_documents,
            "n_texts": self.n_texts,
            "n_settled": self.n_settled,
            "counts": self.counts,
            "findings": as_wire(self.findings),
            **({"retrieval": as_wire(self.retrieval)} if self.retrieval else {}),
        }


def lint(
    suite: str,
    documents: Sequence[Document],
    paths: Sequence[str],
    shown: Sequence[ShownExamples] = (),
    models: Iterable[str] = (),
    results: Sequence[SuiteResult] = (),
    settled: Collection[str] = (),
    *,
    errors_only: bool = False,
) -> LintReport:
    """Every lint of a suite, or of a dataset that has this name.

    `shown` are the examples of each variant, some of which may be cases; `models` read the documents. `results` are
    those of each variant, for labels that all of them contradict; empty where nothing ran. Findings whose keys are
    `settled` are not repeated. `errors_only` leaves out what takes longer than the replay of a suite may: all but
    contamination.
    """
    findings = find_contamination(documents, shown)
    retrieval = [] if errors_only else retrieved_fields(results, documents)
    if not errors_only:
        twins = find_twins(documents)
        findings += [
            *lint_documents(documents, models),
            *lint_twins(twins),
            *lint_contradictions(twins),
            *lint_gold(documents, paths),
            *lint_suspects(results, documents),
            *lint_retrieval(retrieval),
            *lint_fields(documents, paths),
        ]
    order = list(KINDS)
    kept = sorted((one for one in findings if one.key not in settled), key=lambda one: order.index(one.kind))
    n_texts = sum(document.text is not None for document in documents)
    return LintReport(suite, len(documents), n_texts, tuple(kept), len(findings) - len(kept), tuple(retrieval))


def linted_by_runs(suites: Iterable[SuiteResult]) -> list[SuiteResult]:
    """The suites that a run lints by itself: those that ran whole, and do not have too many documents."""
    return [suite for suite in suites if suite.complete and len(suite.cases) <= MOST]


def lint_results(suites: Iterable[SuiteResult], *, errors_only: bool = False) -> list[LintReport]:
    """The lints of every suite, over its variants."""
    return [
        lint(
            name,
            documents_of(variants[0]),
            variants[0].paths,
            shown_examples(variants),
            list(dict.fromkeys(suite.model for suite in variants if suite.model)),
            variants,
            {key for suite in variants for key in suite.settled},
            errors_only=errors_only,
        )
        for name, variants in variants_by_id(suites).items()
    ]


def documents_of(suite: SuiteResult) -> list[Document]:
    """The documents of a suite that ran."""
    return [read_document(case) for case in suite.cases]
