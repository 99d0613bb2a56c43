"""The `extraction` fixture's value: one case, from its call to its `CaseResult`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_llm_extract.baseline.answer_to_entry import Kept, NotAcceptable, keep
from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.cassette.http.network_guard import Judging
from pytest_llm_extract.cassette.http.router import taking
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.extraction.call import Call, CallFacts, replay
from pytest_llm_extract.extraction.case_facts import kept_gold, labels, of_case, with_further
from pytest_llm_extract.extraction.exception_status import in_words, status_of
from pytest_llm_extract.extraction.job import Job, jobs_of
from pytest_llm_extract.extraction.missing_hint import missing_hint
from pytest_llm_extract.extraction.value_sources import texts_of, with_sources
from pytest_llm_extract.formats.fences import is_fenced
from pytest_llm_extract.results.accepted import Origin, without_prompt
from pytest_llm_extract.results.case_report import CaseNote
from pytest_llm_extract.results.case_result import CaseResult, Usage
from pytest_llm_extract.results.outcome import ANSWERED, FieldCounts, Leaf, Status
from pytest_llm_extract.scoring.answer import Answer, lost_answer, read_answer, read_raw_answer, take_output, unusable
from pytest_llm_extract.scoring.explain import explain
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wire_formats import RawAnswer
from pytest_llm_extract.wire_formats.request import fixed_seed
from pytest_llm_extract.wording import counted

_REPLAYED = Call()  # one that nothing has to be said of
_DIFFERENCES = 20  # lines of a strict case's failure; results.json has all


class NoOutput(BaseException):
    """The answer cannot be used: the rest of the test's body is skipped, and the case passes as imperfect."""


class NotReplayed(LlmExtractError):
    """The case has no usable recording."""

    def __init__(self, status: Status, problem: str) -> None:
        super().__init__(problem)
        self.status, self.problem = status, problem

    def __str__(self) -> str:
        return f"{self.status.value}: {self.problem}"


class _Taken(NamedTuple):
    """One sample of a case: its call, its answer, and its score.

    `kept` is what a run that accepts keeps of it.
    """

    call: Call
    answer: Answer
    result: CaseResult
    kept: Kept | None


class Extraction:
    """One case's extraction, which runs once for each sample when its output is first read."""

    def __init__(
        self,
        suite: Suite,
        golden: GoldenCase,
        settings: Settings,
        record: Callable[[Job, Callable[[], Any]], Call] | None,
        client: Callable[[], Any],
    ) -> None:
        self._suite, self._golden, self._settings, self._client = suite, golden, settings, client
        self._jobs, self._record = jobs_of(suite, golden), record
        self._taken: list[_Taken] = []
        self._function: Callable[[], Any] | None = None
        self.result: CaseResult | None = None
        self._is_left = False

    def __repr__(self) -> str:
        return f"<extraction of case {self.case.id!r} in {self._suite.key}>"

    @property
    def case(self) -> Case:
        """The golden case."""
        return self._golden.case

    @property
    def output(self) -> Any:
        """The answer, as the schema's type: that of the first sample. Leaves the test where there is none."""
        self.ensure()
        first = self._taken[0].answer
        if not first.valid:
            self._is_left = True
            raise NoOutput
        return first.value

    @property
    def outputs(self) -> tuple[Any, ...]:
        """The answers of all samples, in their order, without those that cannot be used (invalid, refused, cut off)."""
        self.ensure()
        return tuple(taken.answer.value for taken in self._taken if taken.answer.valid)

    @property
    def raw(self) -> str | None:
        """The text of the first sample's answer as the provider sent it; None for one in a format that is not read."""
        self.ensure()
        return self.result.raw if self.result else None

    @property
    def outcomes(self) -> dict[str, tuple[Leaf, ...]]:
        """The scored leaves of the first sample, by field path."""
        self.ensure()
        return self.result.leaves if self.result else {}

    @property
    def usage(self) -> Usage:
        """Tokens, summed over the requests of this case, in all samples."""
        self.ensure()
        return sum((taken.result.usage for taken in self._taken), Usage())

    @property
    def inexact(self) -> str | None:
        """Why a strict case fails: a line for each difference; None where it is exact, or its suite is not strict."""
        if not self._suite.strict:
            return None
        results = enumerate((taken.result for taken in self._taken), start=1)
        number, result = next(((number, result) for number, result in results if not result.exact), (0, None))
        if result is None:
            return None
        n = len(result.explanation)
        why = result.error or f"{counted(n, 'difference')}"
        if not result.leaves:
            why = "the case labels nothing, so nothing can be right"
        lines = [f"inexact: {self._named(number)}{why}", *(f"  {line}" for line in result.explanation[:_DIFFERENCES])]
        return "\n".join([*lines, f"  … and {n - _DIFFERENCES} more"] if n > _DIFFERENCES else lines)

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Record, replay and score a call of your own, for extractors that need fixtures; gives its output.

        It is called once for each sample.
        """
        if self._suite.extractor or self._suite.call:
            pytest.fail("extraction.run needs a marker that has neither extractor= nor prompt=", pytrace=False)
        if self._taken:
            pytest.fail("extraction.run was called twice: a case is one extraction", pytrace=False)
        self._run(partial(function, *args, **kwargs))
        return self.output

    def ensure(self) -> None:
        """Run the extraction unless it ran, and fail the test if it has nothing to score.

        Raises:
            NotReplayed: stale, missing, or a cassette that cannot be used.
            Exception: the extractor's own.
        """
        if not self._taken:
            function = self._jobs[0].function(self._client)
            if function is None:
                pytest.fail("the test never called extraction.run(function, …)", pytrace=False)
            self._run(function)
        for number, taken in enumerate(self._taken, start=1):
            call = taken.call
            if call.problem is not None:
                self._skip_unrecorded(call)
                raise NotReplayed(call.status, self._named(number) + call.problem)
            if call.status is Status.ERROR and call.error is not None:
                raise call.error
            if taken.kept is not None and taken.kept.changed is not None:
                raise NotAcceptable(self._named(number), taken.kept.changed)

    def _skip_unrecorded(self, call: Call) -> None:
        """Skip an unrecorded case of a variant without a gate, since an experiment must not fail the build."""
        if self._record is None and not self._suite.is_gated and call.status in (Status.STALE, Status.MISSING):
            flag = f"{self._settings.record_flag} --llm-extract-variant={self._suite.variant}"
            why = f"variant {self._suite.variant} is not recorded ({call.status.value}): pytest {flag}"
            raise pytest.skip.Exception(why, _use_item_location=True)

    def _named(self, sample: int) -> str:
        """`sample 3 of 3: ` before a line; nothing in a suite with one sample."""
        return f"sample {sample} of {self._suite.n_samples}: " if self._suite.n_samples > 1 else ""

    @cached_property
    def cassette(self) -> Path:
        """The file of the first sample's cassette."""
        return self._jobs[0].path(self._settings)

    @property
    def note(self) -> CaseNote:
        """What its run alone has to say: why a case is stale, what was recorded, which paths of `ignore` it lacks."""
        calls = [taken.call for taken in self._taken]
        first = next((call for call in calls if call.problem is not None), _REPLAYED)
        alike = [str(number) for number, call in enumerate(calls, 1) if call.problem and call.status is first.status]
        change, looked = first.change, [call.ignored for call in calls if call.ignored]
        unmatched = [path for path in self._suite.ignore if looked and not any(one[path] for one in looked)]
        return CaseNote(
            sum(call.recorded for call in calls),
            first.status.value,
            first.problem,
            f"sample {', '.join(alike)} of {len(calls)}" if len(alike) < len(calls) else None,
            change.cause if change else None,
            (*change.lines, *filter(None, [change.hint])) if change else (),
            missing_hint(self._jobs[0], self._function, self._settings) if first.status is Status.MISSING else None,
            tuple(unmatched) if looked else None,
            self._is_left,
            tuple(dict.fromkeys(name for call in calls for name in call.facts.scrubbed)),
        )

    def _run(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._taken = [self._take(function, job) for job in self._jobs]
        first, *further = (taken.result for taken in self._taken)
        self.result = with_further(first, further)

    def _take(self, function: Callable[[], Any], job: Job) -> _Taken:
        slot = job.slot(self._settings)
        call = self._record(job, function) if self._record else replay(function, slot)
        with taking(judging := Judging()):
            taken = self._judge(call, slot.path, is_first=job.sample == 1)
        if judging.stopped is None:
            return taken
        call.status, call.problem, call.error = Status.ERROR, str(judging.stopped), None
        return self._judge(call, slot.path, is_first=job.sample == 1)

    def _judge(self, call: Call, cassette: Path, *, is_first: bool) -> _Taken:
        answer = self._read(call)
        result = self._score(call, answer, cassette, is_first=is_first)
        accepts = self._settings.accept is not None
        requests = call.facts.fingerprints
        kept = keep(self._suite.schema, self._golden, call.value, requests, answer, result) if accepts else None
        return _Taken(call, answer, result, kept)

    def _read(self, call: Call) -> Answer:
        if call.problem is not None:
            return lost_answer(call.status, call.problem)
        if call.error is not None:
            request = call.requests[-1] if call.requests else b""
            status = status_of(call.error, call.facts.answers, self._fits, request)
            call.status = status if status is Status.ERROR else call.status
            return lost_answer(status, call.facts.answers.rejected or _said(call.error, call.facts.answers.content))
        if call.facts.answers.rejected is not None:
            return lost_answer(Status.REJECTED, call.facts.answers.rejected)
        if not isinstance(call.value, RawAnswer):
            answer = take_output(self._suite.schema, call.value)
            return answer if answer.valid else unusable(call.facts.answers) or answer
        return read_raw_answer(self._suite.schema, call.value, self._suite.call.strip if self._suite.call else None)

    def _fits(self, content: str) -> bool:
        return read_answer(self._suite.schema, content).valid

    def _score(self, call: Call, answer: Answer, cassette: Path, *, is_first: bool) -> CaseResult:
        suite, golden, facts = self._suite, self._golden, call.facts
        result = score_answer(
            suite.schema,
            golden.gold,
            answer,
            case_id=golden.case.id,
            raw=facts.answers.content,
            model=facts.answers.model,
            by_model=call.by_model,
            latency_s=facts.latency_s,
            attempt=facts.attempt,
            cassette=cassette.as_posix().removeprefix(f"{self._settings.rootdir.as_posix()}/"),
            origin=self._origin(facts),
            old_gold=self._under_old_gold(answer),
            seed=fixed_seed(call.requests),
            **(of_case(suite, golden, self._settings.rootdir) if is_first else {}),
        )
        result = with_sources(result, call.requests, partial(texts_of, suite, golden), suite.schema.choices)
        if not suite.strict or result.exact:
            return result
        lines = explain(suite.schema, golden.gold, answer.value)
        return dataclasses.replace(result, explanation=lines)

    def _under_old_gold(self, answer: Answer) -> dict[str, FieldCounts] | None:
        """This answer's counts under the gold that the baseline keeps, where today's is another."""
        gold = kept_gold(self._suite, self._golden)
        return None if gold is None else score_answer(self._suite.schema, gold, answer).fields

    def _origin(self, facts: CallFacts) -> Origin:
        hashes = {**facts.hashes}
        hashes.pop("document", None)
        if self._suite.call is not None:
            hashes["prompt"] = self._suite.call.fingerprint[:16]
            hashes["request"] = without_prompt(hashes.get("request"))
        return Origin(**labels(self._suite, self._golden), **hashes, answered=facts.answers.model, via=facts.via)

    @property
    def entry(self) -> Entry | None:
        """This case as a baseline keeps it; None where a sample has nothing to accept, or the run accepts nothing."""
        entries = [
            taken.kept.entry
            for taken in self._taken
            if taken.kept is not None and taken.kept.changed is None and taken.result.status in ANSWERED
        ]
        if not entries or len(entries) < len(self._taken):
            return None
        return entries[0]._replace(further=tuple(entries[1:]))


def _said(error: BaseException, content: str | None) -> str:
    """What an extraction raised, and that its answer was a Markdown fence, where it was."""
    words = in_words(error)
    return f"{words} (the answer is in a Markdown fence)" if is_fenced(content) else words
