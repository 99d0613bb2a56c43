"""JSON of requests and answers on several lines, as a cassette shows it."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from math import isfinite

from pytest_llm_extract.cassette.file.answer_summary import summarize_answers
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.formats.json_lines import on_lines
from pytest_llm_extract.formats.strict_json import read_exactly

# They could end a block, or are not shown by an editor, so JSON writes them as escapes.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff\U00010000-\U0010ffff]"
)


def shown_answer(recording: Recording) -> str | None:
    """The answer as the JSON document that it is, on several lines; None where it is not JSON."""
    content = summarize_answers(recording).content
    return None if content is None else pretty(content, fills=False)


def pretty(text: str, *, fills: bool = True) -> str | None:
    """JSON on several lines; None if that would change a value or the text is not JSON."""
    try:
        value = read_exactly(text, _is_same)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict | list):
        return None
    return _UNPRINTABLE.sub(escape, on_lines(value, fills=fills))


def _is_same(value: float, literal: str) -> bool:
    """Whether both are the same number in any notation: `1.50` is `1.5`."""
    try:
        return isfinite(value) and Decimal(literal) == Decimal(repr(value))
    except InvalidOperation:  # an exponent of twenty digits
        return False


def escape(match: re.Match[str]) -> str:
    """A character as JSON's escape."""
    character = match.group()
    return f"\\u{ord(character):04x}" if character < "\U00010000" else json.dumps(character)[1:-1]
