"""A suite that has a prompt file: the request of each of its cases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.config.source import MarkerSource
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.errors import PromptError, UnknownNameError, UnsupportedFieldError, UsageError
from pytest_llm_extract.formats.fences import FENCE
from pytest_llm_extract.prompt.attachments import Attachment, read_document
from pytest_llm_extract.prompt.few_shot import Context, Examples, document_of, read_context, read_examples, text_of
from pytest_llm_extract.prompt.prompt_file import Prompt, find_parts, leave_out, load_prompt
from pytest_llm_extract.prompt.request_body import APIS, FORMATS, Message, ResponseFormat, chat_body, responses_body
from pytest_llm_extract.prompt.strict_schema import strict_json_schema
from pytest_llm_extract.results.recipe import ExampleDocument, Recipe
from pytest_llm_extract.rules.variants import UNITS, Ablation, LeftOut
from pytest_llm_extract.schema.schema import Schema

ARGUMENTS = ("model", "api", "response_format", "examples", "context", "strip")


class PromptCall(NamedTuple):
    """Everything of a request but the document; `strip` is what is taken off its answer."""

    prompt: Prompt
    model: str
    api: str
    response_format: ResponseFormat
    examples: Examples | None = None
    context: Context | None = None
    strip: str | None = None

    @property
    def fingerprint(self) -> str:
        """sha256 of the prompt's messages, and of the examples that are the same for every case."""
        if self.examples is None or not self.examples.fixed:
            return self.prompt.fingerprint
        return hashlib.sha256(f"{self.prompt.fingerprint} {self.examples.fingerprint}".encode()).hexdigest()

    @property
    def recipe(self) -> Recipe:
        """What reports and decisions say of it."""
        examples = self.examples.fixed if self.examples else ()
        return Recipe(
            "\n\n".join(f"{role}: {text}" for role, text in self.prompt.written),
            tuple(map(document_of, examples)),
            has_own_examples=self.examples is not None and self.examples.find is not None,
            has_context=self.context is not None,
            response_format=self.response_format.kind,
            parameters=self.prompt.parameters,
            left_out=self.prompt.left_out,
        )

    def body(self, case: Case) -> dict[str, Any]:
        """The request's body for one case.

        Raises:
            PromptError: the case lacks a column that the prompt names.
        """
        context = self.context.of(case) if self.context else None
        build = chat_body if self.api == "chat" else responses_body
        return build(
            self.model, self._messages(case, context, self.examples), self.prompt.parameters, self.response_format
        )

    def passages(self, case_id: str) -> str | None:
        """What was retrieved for the last request of a case, as one string; None where nothing was."""
        kept = self.context.kept.get(case_id) if self.context else None
        if isinstance(kept, list | tuple) and all(isinstance(passage, str) for passage in kept):
            return "\n\n".join(kept)
        return text_of(kept)

    def near_examples(self, case_id: str) -> tuple[ExampleDocument, ...]:
        """Those of its own examples, as last asked for, that may be the case itself."""
        return self.examples.near.get(case_id, ()) if self.examples else ()

    def _messages(self, case: Case, context: Any, examples: Examples | None) -> list[Message]:
        columns = _with_document(case.prompt_columns)
        if self.context is not None:
            columns["context"] = context
        shown = examples.of(case) if examples else ()
        return self.prompt.render(columns, [(_with_document(example), answer) for example, answer in shown])

    def check(self, cases: list[Case], source: str) -> None:
        """Render every case once, callables aside: those may take their time, and their requests are recorded.

        Raises:
            UsageError: a case cannot be rendered.
        """
        examples = self.examples if self.examples and not self.examples.calls else None
        for case in cases:
            try:
                context = self.context.find(case) if self.context and not self.context.calls else ""
                self._messages(case, context, examples)
            except (PromptError, OSError) as error:
                raise UsageError(source, f"case {case.id!r}: {error}") from None


def _with_document(columns: Mapping[str, Any]) -> dict[str, Any]:
    document = columns["input"]
    return {**columns, "input": read_document(document) if isinstance(document, Path) else document}


def document_text(case: Case) -> str | None:
    """A case's document as its request holds it in the cassette; None if it is neither text nor a file."""
    document = case.input
    if isinstance(document, Path) and document.is_file():
        document = read_document(document)
    if isinstance(document, Attachment):
        return document.digest
    return document if isinstance(document, str) else None


def read_prompt_call(
    given: Mapping[str, Any], schema_type: Any, schema: Schema, cases: list[Case], source: MarkerSource
) -> PromptCall | None:
    """Read the arguments of a marker that are about a prompt, and render every case once; None without `prompt=`.

    Raises:
        UsageError: the prompt or its examples cannot be read, no model is named, a field that strict schemas cannot
            hold, or a column that a case lacks.
        UnknownNameError: an unknown API or response format.
    """
    if given.get("prompt") is None:
        for name in ARGUMENTS:
            if name in given:
                raise UsageError(source.name, f"{name}= needs prompt=")
        return None
    prompt = _prompt(given["prompt"], source)
    kind = given.get("response_format") or prompt.response_format or "json_schema"
    call = PromptCall(
        prompt,
        _model(given.get("model"), prompt, source),
        _choice(given.get("api") or "chat", APIS, source, "api"),
        _response_format(_choice(kind, FORMATS, source, "response_format"), schema_type, schema, source),
        _examples(given.get("examples"), prompt, cases, schema, source),
        _context(given.get("context"), prompt, cases, source),
        _choice(given["strip"], (FENCE,), source, "strip") if given.get("strip") is not None else None,
    )
    call.check(cases, source.name)
    return call


def parts_of_prompt(ablation: Ablation, prompt: Any, source: MarkerSource) -> list[LeftOut]:
    """The instructions that an ablation of the suite's prompt, or of its own, leaves out one at a time.

    Raises:
        UsageError: there is no prompt, it cannot be read, it has no instruction, or an unknown unit.
    """
    path = ablation.prompt or prompt
    if path is None:
        raise UsageError(source.name, "ablate() needs a prompt file: name one, or give prompt=")
    by = _choice(ablation.by, UNITS, source, "unit of an ablation")
    parts = list(find_parts(_prompt(path, source), path, by))
    if not parts:
        raise UsageError(source.name, f"ablate(): {path} has no {by} that can be left out")
    return parts


def _prompt(written: Any, source: MarkerSource) -> Prompt:
    if isinstance(written, LeftOut):
        return leave_out(_prompt(written.prompt, source), written)
    if not isinstance(written, str | Path):
        raise UsageError(source.name, f"prompt= must be the path of a prompt file, got {written!r}")
    try:
        return load_prompt(source.find(written))
    except PromptError as error:
        raise UsageError(source.name, str(error)) from None


def _model(named: Any, prompt: Prompt, source: MarkerSource) -> str:
    if not isinstance(named, str | None):
        raise UsageError(source.name, f"model= must be the name of a model, got {named!r}")
    model = named or prompt.model or source.settings.model
    if not model:
        where = f"name one in {prompt.path.name}, in model= or in the ini llm_extract_model"
        raise UsageError(source.name, f"no model: {where}")
    return str(model)


def _choice(name: Any, known: tuple[str, ...], source: MarkerSource, kind: str) -> str:
    if name not in known:
        raise UnknownNameError(str(name), known=known, source=source.name, kind=kind)
    return str(name)


def _response_format(kind: str, schema_type: Any, schema: Schema, source: MarkerSource) -> ResponseFormat:
    try:
        strict = None if kind == "json_object" else strict_json_schema(schema_type)
    except UnsupportedFieldError as error:
        raise UsageError(source.name, f"response_format={kind!r}: {error}; or use 'json_object'") from None
    return ResponseFormat(kind, schema.name, strict)


def _examples(given: Any, prompt: Prompt, cases: list[Case], schema: Schema, source: MarkerSource) -> Examples | None:
    if given is None:
        return None
    if prompt.document_turn is None:
        raise UsageError(source.name, f"examples= are sent before a user message, and {prompt.path.name} has none")
    return read_examples(given, cases, schema, source)


def _context(given: Any, prompt: Prompt, cases: list[Case], source: MarkerSource) -> Context | None:
    if given is None:
        return None
    if "context" not in prompt.names:
        raise UsageError(source.name, f"context= is given, but {prompt.path.name} does not use {{{{context}}}}")
    return read_context(given, cases, source.name)
