"""Values, strings and counts as one line of a terminal shows them."""

from __future__ import annotations

import codecs
import json
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.results.outcome import Leaf, Outcome

MISSES = 8  # lines of single leaves that are shown of a suite
_ASCII = {
    "─": "-", "–": "-", "—": "-", "−": "-", "≠": "!=", "∅": "null", "→": "->", "…": "...", "×": "x", "≥": ">=",
    "≤": "<=", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip
_WORD = re.compile(r"^(?:gate: )(?P<verdict>pass|fail|inconclusive)$|(?<= )(?P<field>PASS|FAIL|LOST)$")
COLOURS = {"pass": "green", "PASS": "green", "fail": "red", "FAIL": "red", "LOST": "red", "inconclusive": "yellow"}


def printable(text: str, width: int) -> str:
    """One line of at most `width` columns; control characters and escape sequences shown, not sent."""
    shown = visible(text)
    if columns(shown) <= width:
        return shown
    while columns(shown) > width - 1:
        shown = shown[: -max(1, (columns(shown) - width + 1) // 2)]
    return f"{shown}…"


def side_by_side(texts: Sequence[str], width: int) -> list[str]:
    """Texts in at most `width` columns each. Those that would look equal are cut around their first difference."""
    cut = [printable(text, width) for text in texts]
    if len(set(cut)) == len(set(texts)):
        return cut
    same = next((n for n, signs in enumerate(zip(*texts, strict=False)) if len({*signs}) > 1), min(map(len, texts)))
    start = max(0, same - width // 3)
    return [printable(f"…{text[start:]}" if start else text, width) for text in texts]


def columns(text: str) -> int:
    """How many columns of a terminal a string takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """A string filled up with spaces on its right."""
    return text + " " * (width - columns(text))


def field_name(path: str, width: int | None = None) -> str:
    """A field on one line; one that is too long is cut in the middle, since fields of one object begin alike."""
    shown = visible(path)
    if width is None or columns(shown) <= width:
        return shown
    tail = width * 2 // 3
    return f"{_fitting(shown, width - 1 - tail)}…{_fitting(shown[::-1], tail)[::-1]}"


def _fitting(text: str, width: int) -> str:
    """As much of the beginning of a string as fits into so many columns."""
    text = text[:width]
    while columns(text) > width:
        text = text[:-1]
    return text


def cases_and_field(cases: Sequence[str], path: str | None, width: int) -> str:
    """`inv-001        vendor          `, or `inv-001 +12` for thirteen cases: the beginning of a line of that width.

    `path` is None where the whole answer is meant.
    """
    case_width, field_width = min(14, width // 5), min(16, width // 4)
    more = f" +{len(cases) - 1}" if len(cases) > 1 else ""
    case = padded(printable(cases[0], case_width - len(more)) + more, case_width)
    return case if path is None else f"{case} {padded(field_name(path, field_width), field_width)}"


def show(value: Any) -> str:
    """Show a string unchanged, a missing value as ∅, a blank string and any other value as JSON."""
    if value is None:
        return "∅"
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)


def has_values(leaf: Leaf) -> bool:
    """Whether a sample's values are known. An accepted case that is not scored again has outcomes only."""
    is_null = leaf.outcome in (Outcome.ABSENT_OK, Outcome.INVALID)
    return is_null or leaf.expected is not None or leaf.actual is not None


def and_more(count: int, flag: str | None) -> str:
    """Count the lines left out. `flag` names the flag that writes all of them; None if there is none."""
    return f"  … and {count:,} more" + (f" (all of them: {flag}=PATH)" if flag else "")


def fit(lines: Sequence[str], limit: int | None, width: int | None) -> list[str]:
    """Lines of at most `width` columns, and at most `limit` of them with the one that counts the rest.

    `limit` None keeps all lines; `width` None wraps nothing.
    """
    kept: list[str] = []
    for number, line in enumerate(lines):
        wrapped = [line] if width is None or columns(line) <= width else _wrapped(line, width)
        is_last = number == len(lines) - 1
        if limit is not None and kept and len(kept) + len(wrapped) + (not is_last) > limit:
            return [*kept, and_more(len(lines) - number, None)]
        kept += wrapped if limit is None else wrapped[:limit]
    return kept


def _wrapped(line: str, width: int) -> list[str]:
    text = line.lstrip(" ")
    indent = " " * (len(line) - len(text))
    later = f"{indent}  "  # a flag is copied, so none is broken at its hyphens
    return textwrap.wrap(text, max(width, 20), initial_indent=indent, subsequent_indent=later, break_on_hyphens=False)


def painted(line: str, paint: Callable[[str, str], str]) -> str:
    """A line with its verdict in colour; `paint` takes a word and the name of a colour."""
    if (match := _WORD.search(line)) is None:
        return line
    word = match[match.lastgroup or 0]
    return line[: match.start(match.lastgroup or 0)] + paint(word, COLOURS[word])


def encodable(text: str, encoding: str | None) -> str:
    """A string that an output of this encoding can print: our own signs in ASCII, any other character escaped."""
    return text.encode(encoding or "utf-8", PLAIN).decode(encoding or "utf-8")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What `encodable` puts in the place of characters that cannot be printed."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end]
    return "".join(_ASCII.get(ch) or ch.encode("ascii", "backslashreplace").decode() for ch in wanted), error.end


PLAIN = "pytest-llm-extract-plain"  # the name of the error handler: a stream can have it for all that is printed
codecs.register_error(PLAIN, _plain)
