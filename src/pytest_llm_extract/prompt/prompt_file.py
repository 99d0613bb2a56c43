"""Prompt files become messages: `.prompt.yml` (GitHub Models), or a system prompt in `.md` or `.txt`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_llm_extract.errors import PromptError, did_you_mean, reason
from pytest_llm_extract.formats.safe_yaml import YamlMistakeError, YamlReader, describe
from pytest_llm_extract.formats.text_files import UnreadableFileError, read_regular, refuse_conflict, withheld
from pytest_llm_extract.prompt.attachments import Attachment
from pytest_llm_extract.prompt.request_body import FORMATS, Message
from pytest_llm_extract.rules.variants import LeftOut

if TYPE_CHECKING:
    import jinja2

_KEYS = frozenset(
    {"name", "description", "model", "modelParameters", "messages", "responseFormat", "testData", "evaluators"}
)
# Stand for a file while a message is rendered, twice: whatever a template makes of them differs.
_FILES = ("\0file\1", "\1document\0")
_ROLES = ("system", "developer", "user", "assistant")
_LINE = re.compile(r"[^\n]+\n?")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?](?=\s|$)|(?=\n)|$)\s?")
_ASSISTANT = "assistant"  # what the model is shown to have said is not an instruction

# The columns of an example, and its answer as text.
Example = tuple[Mapping[str, Any], str]


class Prompt(NamedTuple):
    """A prompt file: its messages are templates that say `names`, its parameters are sent as they are.

    `written` are the messages as they are in the file: role and text. `left_out` is the instruction that an ablation
    took out.
    """

    path: Path
    messages: tuple[tuple[str, jinja2.Template], ...]
    model: str | None
    parameters: dict[str, Any]
    response_format: str | None
    fingerprint: str
    names: frozenset[str]
    written: tuple[tuple[str, str], ...] = ()
    left_out: str | None = None

    @property
    def name(self) -> str:
        """The file's stem: `invoice` of `invoice.prompt.yml`."""
        return self.path.name.split(".", 1)[0] or self.path.name

    @property
    def document_turn(self) -> int | None:
        """The index of the last user message, before which few-shot examples go; None if there is none."""
        users = [place for place, (role, _) in enumerate(self.messages) if role == "user"]
        return users[-1] if users else None

    def render(self, columns: Mapping[str, Any], examples: Sequence[Example] = ()) -> list[Message]:
        """The messages for one case, its examples before its document.

        Raises:
            PromptError: the prompt names a column that the case, or an example, does not have.
        """
        turns = [self._turn(place, columns, "the case") for place in range(len(self.messages))]
        if examples and (at := self.document_turn) is not None:
            pairs = [(self._turn(at, columns, "the example"), Message("assistant", text)) for columns, text in examples]
            turns[at:at] = [turn for pair in pairs for turn in pair]
        return turns

    def _turn(self, place: int, columns: Mapping[str, Any], owner: str) -> Message:
        role, template = self.messages[place]
        document = columns.get("input")
        if not isinstance(document, Attachment):
            return Message(role, self._text(template, columns, owner))
        pieces, again = (self._text(template, {**columns, "input": file}, owner).split(file) for file in _FILES)
        if pieces != again:
            written = "write {{input}} by itself, without a filter or an expression"
            raise PromptError(self.path, f"{document.path.name} is not text and can only be sent as it is: {written}")
        if len(pieces) == 1:
            return Message(role, pieces[0])
        if role != "user":
            raise PromptError(self.path, f"{document.path.name} is not text: write {{{{input}}}} in a user message")
        parts = [part for piece in pieces for part in (document, piece)][1:]
        return Message(role, tuple(part for part in parts if not isinstance(part, str) or part.strip()))

    def _text(self, template: jinja2.Template, columns: Mapping[str, Any], owner: str) -> str:
        import jinja2

        try:
            return template.render(columns)
        except jinja2.UndefinedError as error:
            raise PromptError(self.path, f"{error}; {owner} has {', '.join(sorted(columns))}") from None
        except Exception as error:  # jinja2's own, and what an expression of the prompt raises
            said = str(error) if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"
            raise PromptError(self.path, f"cannot be rendered: {said}") from None


def load_prompt(path: Path) -> Prompt:
    """Read a prompt file.

    Raises:
        PromptError: it cannot be read, or is not a prompt file.
    """
    try:
        data = read_regular(path)
        if problem := withheld(data):
            raise PromptError(path, problem)
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        refuse_conflict(text)
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(path, f"cannot be read: {reason(error)}") from None
    except UnreadableFileError as error:
        raise PromptError(path, f"line {error.line}: {error}") from None
    if path.name.endswith((".prompt.yml", ".prompt.yaml")):
        return _prompt_file(path, text)
    if path.suffix in (".md", ".txt"):
        if not text.strip():
            raise PromptError(path, "is empty")
        prompt = _prompt(path, [("user", text)])
        return prompt if "input" in prompt.names else _prompt(path, [("system", text), ("user", "{{ input }}")])
    raise PromptError(path, "a prompt must be a .prompt.yml, .md or .txt file")


def find_parts(prompt: Prompt, path: str | Path, by: str) -> Iterator[LeftOut]:
    """Every line, sentence or message that can be left out, in the order of the file."""
    for place, (role, text) in enumerate(prompt.written):
        if role == _ASSISTANT:
            continue
        spans = [(0, len(text))]
        if by != "message":
            spans = [found.span() for found in (_LINE if by == "line" else _SENTENCE).finditer(text)]
        for start, end in spans:
            words = text[start:end].strip()
            if words and "{{" not in words and "{%" not in words:
                yield LeftOut(path, place, start, end, words)


def leave_out(prompt: Prompt, part: LeftOut) -> Prompt:
    """The prompt without a part; a message of which nothing is left goes with it.

    Raises:
        PromptError: what is left of a message cannot be read.
    """
    written = list(prompt.written)
    role, text = written[part.message]
    rest = text[: part.start] + text[part.end :]
    written[part.message : part.message + 1] = [(role, rest)] if rest.strip() else []
    shorter = _prompt(prompt.path, written, prompt.model, prompt.response_format)
    return shorter._replace(parameters=prompt.parameters, left_out=part.text)


def _prompt(
    path: Path, written: Sequence[tuple[str, str]], model: str | None = None, response_format: str | None = None
) -> Prompt:
    """A prompt without parameters, of messages as they are in its file."""
    import jinja2
    from jinja2 import meta
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, finalize=_finalize)
    messages = tuple((role, _template(environment, text, path)) for role, text in written)
    names = {name for _, text in written for name in meta.find_undeclared_variables(environment.parse(text))}
    # Of the messages alone: a comment or a name in the file is not a change of the prompt.
    fingerprint = hashlib.sha256(json.dumps(written).encode()).hexdigest()
    return Prompt(path, messages, model, {}, response_format, fingerprint, frozenset(names), tuple(written))


def _finalize(value: Any) -> Any:
    import jinja2

    if isinstance(value, str | jinja2.Undefined):
        return value
    return json.dumps(value, ensure_ascii=False)


def _template(environment: jinja2.Environment, text: str, path: Path) -> jinja2.Template:
    import jinja2

    try:
        template = environment.from_string(text)
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(path, f"line {error.lineno} of a message: {error.message}") from None
    template.globals = dict(template.globals)  # a chain of mappings, which every rendering would copy slowly
    return template


def _prompt_file(path: Path, text: str) -> Prompt:
    data = _yaml(path, text)
    if not isinstance(data, dict) or not isinstance(data.get("messages"), list) or not data["messages"]:
        raise PromptError(path, "has no list `messages`")
    _check_keys(path, data)
    written = [_message(message, path) for message in data["messages"]]
    prompt = _prompt(path, written, data.get("model"), data.get("responseFormat"))
    if not prompt.names:
        raise PromptError(path, "every case would send the same request: write {{input}} where the document goes")
    return prompt._replace(parameters=_parameters(path, data.get("modelParameters"), text))


def _yaml(path: Path, text: str) -> Any:
    import yaml

    try:
        reader = YamlReader(text)
        event = reader.start()
        data = None if event is None else reader.value(event)
        if event is not None:
            reader.end("holds more than one document")
    except (YamlMistakeError, yaml.YAMLError, ValueError) as error:
        line, problem = describe(text, error)
        place = f"line {line}: " if line else ""
        hint = (
            "; quote a string that begins with {{"
            if line and "{{" in "".join(text.splitlines()[line - 1 : line])
            else ""
        )
        raise PromptError(path, f"{place}{problem}{hint}") from None
    return data


def _check_keys(path: Path, data: dict[str, Any]) -> None:
    if "jsonSchema" in data:
        raise PromptError(path, "jsonSchema: the answer's schema is that of schema=; remove the key")
    for key in data:
        if key not in _KEYS:
            raise PromptError(path, f"unknown key {key!r}.{did_you_mean(key, _KEYS)}")
    if data.get("responseFormat") == "text":
        raise PromptError(path, f"responseFormat: answers are JSON, not text; remove it, or use {', '.join(FORMATS)}")


def _parameters(path: Path, given: Any, text: str) -> dict[str, Any]:
    """The parameters beside the messages. A value that YAML readers understand differently is refused."""
    import yaml

    if not isinstance(given, dict | None):
        raise PromptError(path, "modelParameters must be a mapping")
    if not given:
        return {}
    try:
        loosely = {str(key): value for key, value in yaml.safe_load(text)["modelParameters"].items()}
    except ValueError as error:  # of a date that there is not
        raise PromptError(path, f"is not YAML: {error}") from None
    for key, value in given.items():
        if loosely.get(key) != value:
            problem = f"{value!r} is read as {loosely.get(key)!r} by some; quote strings, and write numbers as in JSON"
            raise PromptError(path, f"modelParameters.{key}: {problem}")
    return {re.sub(r"[A-Z]", lambda m: f"_{m.group().lower()}", key): value for key, value in given.items()}


def _message(message: Any, path: Path) -> tuple[str, str]:
    if (
        not isinstance(message, dict)
        or message.get("role") not in _ROLES
        or not isinstance(message.get("content"), str)
    ):
        raise PromptError(
            path, f"a message must have a `role` ({', '.join(_ROLES)}) and a string `content`, got {message!r}"
        )
    return message["role"], message["content"]
