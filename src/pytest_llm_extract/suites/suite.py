"""A suite: one variant of a test function that carries `llm_extract`, with its cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pytest_llm_extract.baseline.find import AcceptedAnswers
from pytest_llm_extract.config.suite_folders import suite_key
from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.gate.floors import trivial_floors
from pytest_llm_extract.prompt.prompt_call import PromptCall
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.judge import JudgeNote, ScoringRules
from pytest_llm_extract.results.outcome import Outcome, Status
from pytest_llm_extract.results.recipe import Formulation
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import lost_answer
from pytest_llm_extract.scoring.compare.walk import compare
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.scoring.swap import swapped_answers
from pytest_llm_extract.wording import unknown_keys


class Suite(NamedTuple):
    """One variant of a test function that carries `llm_extract`; each of its cases has `n_samples` recordings.

    The `primary` variant is what the marker itself says; `others` names the further ones of the same function.
    `settled` are the keys of lints that a person settled. `place` numbers its function among those that pytest
    collected, and the variant within it. `tried` are formulations of before, at the primary.

    `concurrency` is the most calls in flight while it is recorded, None for the run's own limit; `record` is the most
    that a recording run may do to its cassettes, one of RECORD_MODES.
    """

    id: str
    variant: str
    schema: Schema
    cases: tuple[GoldenCase, ...]
    rules: GateRules
    accepted: AcceptedAnswers
    extractor: Callable[..., Any] | None
    call: PromptCall | None
    strict: bool = False
    ignore: tuple[str, ...] = ()
    n_samples: int = 1
    concurrency: int | None = None
    record: str = "all"
    is_primary: bool = True
    is_gated: bool = True
    others: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    line: int | None = None
    prompt_file: str | None = None
    weights: Mapping[str, float] = {}
    dataset: str | None = None
    place: tuple[int, int] = (0, 0)
    tried: tuple[Formulation, ...] = ()

    @property
    def key(self) -> str:
        """A name among all variants of all suites: the suite's id, for a variant with its name in brackets."""
        return suite_key(self.id, None if self.is_primary else self.variant)

    def item_id(self, case_id: str) -> str:
        """The part of a case's node id in brackets."""
        return case_id if self.is_primary else f"{self.variant}-{case_id}"

    @property
    def head(self) -> SuiteResult:
        """What the gate needs to know of the suite besides its cases."""
        ids = [golden.case.id for golden in self.cases]
        baseline, anchor = self.accepted.runs(ids)
        return SuiteResult(
            id=self.id,
            variant=self.variant,
            dataset_ids=tuple(ids),
            paths=self.schema.scored_paths,
            rules=self.rules,
            n_samples=self.n_samples,
            model=self.call.model if self.call else None,
            prompt=self._prompt(),
            warnings=self._warnings(),
            baseline=baseline,
            anchor=anchor,
            no_baseline=self.accepted.lacking,
            is_primary=self.is_primary,
            is_gated=self.is_gated,
            scoring=ScoringRules(
                self.schema.rules, self.schema.code if self.is_gated else {}, self.strict, self.ignore, self.markers
            ),
            judge_notes=self._weak_fields(),
            recipe=self.call.recipe if self.call else None,
            settled=self.settled,
            line=self.line,
            weights=dict(self.weights),
            dataset=self.dataset,
            tried=self.tried,
        )

    def _prompt(self) -> dict[str, str] | None:
        if self.call is None:
            return None
        file = {"file": self.prompt_file} if self.prompt_file else {}
        return {"path": self.call.prompt.path.name, **file, "fingerprint": self.call.fingerprint}

    def _weak_fields(self) -> tuple[JudgeNote, ...]:
        """Fields that hardly any answer could get wrong."""
        weak = swapped_answers(self.schema, self.cases) if self.is_gated else {}
        return tuple(JudgeNote("comparison", str(swapped), is_change=False) for swapped in weak.values())

    def lost_cases(self) -> dict[str, dict[str, Any]]:
        """Every case as if its answer were lost, for the main process to count when a worker dies."""
        return {golden.case.id: self._lost(golden).to_wire() for golden in self.cases}

    def _lost(self, golden: GoldenCase) -> CaseResult:
        answer = lost_answer(Status.ERROR, "its worker crashed")
        result = score_answer(self.schema, golden.gold, answer, case_id=golden.case.id)
        # Scoring accepted answers again would cost every worker a pass.
        baseline, anchor = self.accepted.entries(golden.case.id)
        return replace(
            result,
            group=golden.case.group,
            baseline=baseline.as_then() if baseline else None,
            anchor=anchor.as_then() if anchor else None,
            further=(result.first,) * (self.n_samples - 1),
        )

    def _warnings(self) -> tuple[str, ...]:
        """Floors that an answer without any value would meet, and what is not compared."""
        nulls = dict.fromkeys(self.rules.floors, (0, 0))
        for golden in self.cases if nulls else ():
            walk = compare(self.schema.root, golden.gold, None, Outcome.INVALID)
            for path, outcome, count in (*((path, outcome, 1) for path, outcome, *_ in walk), *walk.rows):
                if path in nulls:
                    null, n = nulls[path]
                    nulls[path] = (null + (count if outcome is Outcome.INVALID else 0), n + count)
        ignored = (f"requests are stored and compared without {', '.join(self.ignore)}",) if self.ignore else ()
        return (*trivial_floors(self.rules.floors, nulls), *ignored, *self._unknown())

    def _unknown(self) -> list[str]:
        """Keys of gold that the schema does not have, which `ignore_unknown=` leaves out."""
        unknown = unknown_keys(Counter(path for golden in self.cases for path in dict.fromkeys(golden.unknown)))
        return [unknown] if unknown else []


def check_names(suites: Sequence[Suite], watch: Watch) -> None:
    """Make sure that no case id, group, variant, model or waiver holds a secret.

    Raises:
        UsageError: one does.
    """
    named = [pair for suite in suites for pair in _names(suite)]
    if not watch.is_in(text for _, text in named):
        return
    for what, text in named:
        if (shown := watch.hide(text)) != text:
            problem = f"{what} {shown!r} holds a secret, and it would be in reports and in names of files: change it"
            raise UsageError(suites[0].id, problem)


def _names(suite: Suite) -> Iterator[tuple[str, str]]:
    yield "the variant", suite.variant
    if suite.call is not None:
        yield "the model", suite.call.model
    for waiver in suite.rules.waivers:
        yield "the reason of a waiver", waiver.reason
    for golden in suite.cases:
        yield "the case id", golden.case.id
        if golden.case.group is not None:
            yield "the group", golden.case.group
