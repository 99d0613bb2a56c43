"""The instructions of a prompt, and the prompt without one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pytest_llm_extract.prompt.prompt_file import Prompt, rewrite
from pytest_llm_extract.rules.ablation import LeftOut

_LINE = re.compile(r"[^\n]+\n?")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?](?=\s|$)|(?=\n)|$)\s?")
_ASSISTANT = "assistant"  # what the model is shown to have said is not an instruction


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
    """The prompt without a part; a message of which nothing is left goes with it."""
    written = list(prompt.written)
    role, text = written[part.message]
    rest = text[: part.start] + text[part.end :]
    written[part.message : part.message + 1] = [(role, rest)] if rest.strip() else []
    return rewrite(prompt, written)._replace(left_out=part.text)
