"""`llm-extract adopt`: recordings of pytest-recording, pytest-vcr and vcrpy become the cassettes of cases."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from pytest_llm_extract.cassette import foreign
from pytest_llm_extract.cassette.file import staleness
from pytest_llm_extract.cassette.file.answer_summary import summarize_answers
from pytest_llm_extract.cassette.file.exchange import Recording, path_of
from pytest_llm_extract.cassette.file.load import check_inside, load
from pytest_llm_extract.cassette.file.save import cassette_text, write_cassette
from pytest_llm_extract.cassette.scrub.headers import NotStorable
from pytest_llm_extract.cassette.scrub.vcr_filters import FilterFailed
from pytest_llm_extract.cli.collected import Collected, collect
from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import CassetteError, LlmExtractError, UsageError, did_you_mean
from pytest_llm_extract.extraction.job import Job, jobs_of
from pytest_llm_extract.prompt.prompt_call import document_text
from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.wording import counted

# What pytest-recording puts a hyphen for.
_REPLACED = re.compile(r"[<>?%*:|\"'/\\]")
# pytest-vcr makes folders of an id's slashes.
_BRACKET = re.compile(r"(?:.*/)?(?P<function>[^\[/]*)\[(?P<case>.*)\]")

# A recording, and the case that it belongs to.
Target = tuple[Path, Suite, GoldenCase]


@click.command(name="adopt")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--case", "case_id", metavar="ID", help="The case; default: the text in brackets in FILE's name.")
@click.option("--suite", metavar="NODE_ID", help="Its suite, as tests/test_x.py::test_y; default: the one that has it.")
@click.option("--variant", metavar="NAME", help="Its variant, for a suite that has several.")
@click.option("--force", is_flag=True, help="Replace cassettes that are there.")
def command(files: tuple[Path, ...], case_id: str | None, suite: str | None, variant: str | None, force: bool) -> None:
    """Take over each FILE, a recording of pytest-recording, pytest-vcr or vcrpy (YAML or JSON), as a case's cassette.

    \b
    Example:
      llm-extract adopt old/invoice.yaml --case inv-001
      llm-extract adopt tests/cassettes/test_invoices/*.yaml --suite tests/test_invoices.py::test_invoices

    Bodies are decoded, credentials are scrubbed, and a file that would hold a secret is not written. FILE stays as it
    is. The suites are those that pytest collects here. For a suite with a prompt file, the command says whether the
    recording is fresh; for an extractor, the next run of pytest does. In a suite with samples=, FILE holds all samples
    if it has the same requests as many times over; else it is the first one.

    Exit status: 0 every file was adopted, 1 some were not (each is named), 2 wrong arguments, or no such suite.
    """
    if case_id is not None and len(files) > 1:
        raise UsageError("--case", f"names one case, and {len(files)} files are given; leave it out, or give one file")
    collected = collect(_paths(suite))
    echo(*collected.errors, err=True)
    targets, problems = find_targets(files, case_id, collected.named(suite, variant))
    for target in targets:
        try:
            echo(*_adopt(target, collected, force))
        except LlmExtractError as error:
            problems.append(_not_adopted(target[0], error))
    echo(*problems, err=True)
    if len(files) > 1:
        echo(f"adopted {len(files) - len(problems)} of {counted(len(files), 'recording')}", err=bool(problems))
    raise SystemExit(int(bool(problems)))


def _paths(suite: str | None) -> list[str]:
    """The paths to collect: the suite's module, if it can be found from the current folder."""
    module = (suite or "").split("::")[0]
    return [module] if module and Path(module).exists() else []


def find_targets(files: Sequence[Path], case_id: str | None, suites: Sequence[Suite]) -> tuple[list[Target], list[str]]:
    """The case of each file, and a line for each file without one."""
    by_name = _by_name(suites, in_files=case_id is None)
    targets: dict[tuple[str, str, str], Target] = {}
    problems = []
    for file in files:
        try:
            suite, golden = _find_case(file, case_id, by_name)
            other = targets.setdefault((suite.id, suite.variant, golden.case.id), (file, suite, golden))[0]
            if other is not file:
                raise CassetteError(file, f"{other} is also the recording of case {golden.case.id!r}")
        except LlmExtractError as error:
            problems.append(_not_adopted(file, error))
    return list(targets.values()), problems


def _by_name(suites: Sequence[Suite], in_files: bool) -> dict[str, list[tuple[Suite, GoldenCase]]]:
    """All cases by id; with `in_files`, by the forms of the id in the file name of a recording."""
    by_name: dict[str, list[tuple[Suite, GoldenCase]]] = {}
    for suite in suites:
        for golden in suite.cases:
            for name in {golden.case.id, *(_file_forms(golden.case.id) if in_files else ())}:
                by_name.setdefault(name, []).append((suite, golden))
    return by_name


def _file_forms(case_id: str) -> set[str]:
    """An id as pytest escapes it, and as pytest-recording writes it."""
    escaped = case_id.encode("unicode_escape").decode("ascii")
    return {escaped, *(_REPLACED.sub("-", form) for form in (case_id, escaped))}


def _find_case(
    file: Path, case_id: str | None, by_name: Mapping[str, list[tuple[Suite, GoldenCase]]]
) -> tuple[Suite, GoldenCase]:
    """The case that a file is a recording of.

    Raises:
        CassetteError: there is none, or more than one.
    """
    bracket = _BRACKET.fullmatch(file.with_suffix("").as_posix())
    name = case_id or (bracket["case"] if bracket else file.stem)
    pairs = by_name.get(name, [])
    if bracket and len({suite.id for suite, _ in pairs}) > 1:
        function = bracket["function"]
        pairs = [pair for pair in pairs if pair[0].id.split("::", 1)[1].replace("::", ".") == function] or pairs
    if not pairs:
        hint = did_you_mean(name, by_name) if case_id else " Give --case ID."
        raise CassetteError(file, f"no case {name!r}.{hint}")
    if len(pairs) > 1:
        said = [
            f"--suite {suite.id} --variant {suite.variant} --case {golden.case.id!r}" for suite, golden in pairs[:3]
        ]
        raise CassetteError(file, f"{len(pairs)} cases have this name; say which: {', '.join(said)}")
    return pairs[0]


def _not_adopted(file: Path, error: LlmExtractError) -> str:
    return f"{file}: not adopted: {str(error).removeprefix(f'{file}: ')}"


def _adopt(target: Target, collected: Collected, force: bool) -> list[str]:
    """Write one cassette for each sample that a file holds, or none. Return a line for each.

    Raises:
        LlmExtractError: the file is not a cassette, holds a secret, or the case has a cassette.
    """
    file, suite, golden = target
    settings, document = collected.settings, document_text(golden.case)
    storage = settings.storage
    recording = load(file)
    if recording is None:
        raise CassetteError(file, "is gone")
    if problem := foreign.no_answer(recording):
        raise CassetteError(file, problem)
    try:
        kept = foreign.as_kept(recording, golden.case.id, suite.ignore, storage)
        # A file of this package is one sample, also where its requests repeat themselves.
        parts = [kept] if recording.meta else foreign.by_sample(kept, suite.n_samples)
        jobs = jobs_of(suite, golden)[: len(parts)]
        paths = [job.path(settings) for job in jobs]
        replaced = [_replaced(path, settings.cassettes, force) for path in paths]
        texts = [
            cassette_text(path, part, foreign.head_of(part, recording, document, old), storage, document, suite.ignore)
            for path, part, old in zip(paths, parts, replaced, strict=True)
        ]
        for path, text in zip(paths, texts, strict=True):  # now that nothing is refused
            write_cassette(path, text)
    except RecursionError:
        raise CassetteError(file, "is nested too deeply") from None
    except (NotStorable, FilterFailed) as error:
        raise CassetteError(file, storage.watch.hide(str(error))) from None
    return [
        f"{file} -> {os.path.relpath(path)}: {_summary(part)}; "
        f"{_freshness(suite, golden, part, storage)}{_sample(job, len(jobs))}"
        for path, job, part in zip(paths, jobs, parts, strict=True)
    ]


def _sample(job: Job, n_adopted: int) -> str:
    """Say which sample a recording is in a suite with several, and that the others were not found."""
    n = job.suite.n_samples
    if n == 1:
        return ""
    others = " (the others are not in it: pytest --llm-extract-record=missing records them)" if n_adopted < n else ""
    return f"; sample {job.sample} of {n}{others}"


def _replaced(path: Path, root: Path, force: bool) -> Recording | None:
    """The existing cassette, if it may be replaced; None if there is none that can be read."""
    check_inside(path, root)
    if not path.exists():
        return None
    if not force:
        raise CassetteError(path, "is there already; give --force to replace it")
    try:
        return load(path)
    except CassetteError:
        return None


def _summary(kept: Recording) -> str:
    answers = summarize_answers(kept)
    usage = sum(answers.by_model.values(), Usage())
    tokens = f"{usage.input_tokens:,} + {usage.output_tokens:,} tokens"
    ending = "refused" if answers.refusal else answers.finish_reason or "in a format that is not read"
    return ", ".join([counted(len(kept.exchanges), "exchange"), answers.model or "no model named", tokens, ending])


def _freshness(suite: Suite, golden: GoldenCase, kept: Recording, storage: Storage) -> str:
    """Whether the recording answers what a prompt asks today."""
    call = suite.call
    if call is None or (call.context and call.context.calls) or (call.examples and call.examples.calls):
        return "the next run of pytest shows whether it is fresh"
    body = json.dumps(call.body(golden.case)).encode()
    if (exchange := foreign.plays(kept, body, suite.ignore, storage)) is not None:
        return f"fresh ({exchange.method} {path_of(exchange.url)})"
    recorded = kept.exchanges[0].sent
    sent = dataclasses.replace(recorded, body=body)
    return f"stale: {staleness.explain(recorded, sent, document_text(golden.case)).cause}"
