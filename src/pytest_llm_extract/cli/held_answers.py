"""The answers that a revision holds in its cassettes, as suites of the work tree read and score them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.base_branch.cassettes import read_cassette
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import variant_folder
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.extraction.job import jobs_of
from pytest_llm_extract.extraction.recorded_answers import is_of_document, score_recorded
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.suites.suite import Suite


class HeldAnswers(NamedTuple):
    """A suite with the answers of a revision; `other_documents` are cases whose document is another today."""

    suite: SuiteResult
    other_documents: tuple[str, ...]


def held_answers(suite: Suite, revision: Revision, settings: Settings) -> HeldAnswers:
    """Read the cassettes that a revision has of a suite with a prompt file. No code of the revision is run.

    The schema, the gold and the rules are those of the suite, which is of the work tree.

    Raises:
        BaselineError: a cassette is damaged or was edited by hand.
    """
    revision = revision._replace(folder=settings.rootdir)
    recordings = _recordings(suite, revision, settings)
    others = [
        golden.case.id for golden, answers in recordings if not all(is_of_document(one, golden) for one in answers)
    ]
    cases = [score_recorded(suite, golden, answers) for golden, answers in recordings if golden.case.id not in others]
    result = SuiteResult(
        id=suite.id,
        variant=suite.variant,
        dataset_ids=tuple(golden.case.id for golden in suite.cases),
        paths=suite.schema.scored_paths,
        rules=GateRules(),
        n_samples=suite.n_samples,
        is_primary=suite.is_primary,
        cases=tuple(cases),
    )
    return HeldAnswers(result, tuple(others))


def _recordings(suite: Suite, revision: Revision, settings: Settings) -> list[tuple[GoldenCase, list[Recording]]]:
    """The cases that have a cassette for each sample."""
    folder = Path(os.path.relpath(variant_folder(settings.cassettes, suite.id, suite.variant), settings.rootdir))
    blobs = revision.blobs(folder.as_posix())
    wanted = {
        golden.case.id: [folder / job.path(settings).name for job in jobs_of(suite, golden)] for golden in suite.cases
    }
    files = [file for files in wanted.values() if blobs.keys() >= set(files) for file in files]
    contents = dict(zip(files, revision.read_blobs([blobs[file] for file in files]), strict=True))
    return [
        (golden, [_read(revision, file, contents[file]) for file in wanted[golden.case.id]])
        for golden in suite.cases
        if contents.keys() >= set(wanted[golden.case.id])
    ]


def _read(revision: Revision, file: Path, data: bytes | None) -> Recording:
    recording = None if data is None else read_cassette(data)
    if recording is None:
        why = "is not in this partial clone; fetch it first" if data is None else "is damaged or was edited by hand"
        raise BaselineError(revision.named(file), why)
    return recording
