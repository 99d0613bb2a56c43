"""HTML that is safe by construction: every string becomes text, unless it is markup already."""

from __future__ import annotations

import re
from html import escape
from typing import TypeAlias

from pytest_llm_extract.formats.visible import visible_text


class Html(str):
    """Markup, which is written unchanged."""

    __slots__ = ()


Child: TypeAlias = "str | int | None"
_EMPTY = re.compile(r"<td[^>]*></td>")
_VOID = frozenset({"meta", "link", "br", "col", "input", "img", "rect", "line", "circle", "path", "polyline"})


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """An element.

    Args:
        name: of the element.
        children: strings become text, with control characters shown as escapes; None is left out.
        attributes: `class_` is `class`, `data_case` is `data-case`; True has no value, None and False are left out.
    """
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    return Html(f"{start}/>" if name in _VOID else f"{start}>{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Elements and texts one after the other."""
    return Html("".join(child if isinstance(child, Html) else _text(child) for child in children if child is not None))


def _text(value: str | int) -> str:
    return escape(visible_text(str(value)), quote=False)


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(visible_text(str(value)))}"'


def table(caption: str, head: tuple[str, ...], rows: list[list[Html]], **attributes: str) -> Html:
    """A table whose first column names its rows; `rows` are lists of cells. A column without a value is left out."""
    kept = [at for at in range(len(head)) if not rows or any(not _EMPTY.fullmatch(row[at]) for row in rows)]
    head, rows = tuple(head[at] for at in kept), [[row[at] for at in kept] for row in rows]
    classes = ["number" if 'class="number"' in cell else None for cell in rows[0]] if rows else [None] * len(head)
    heads = [tag("th", name, scope="col", class_=name_of) for name, name_of in zip(head, classes, strict=True)]
    body = [tag("tr", *row) for row in rows]
    inner = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        **attributes,
    )
    # A wide table scrolls by itself, also with the keyboard.
    return tag("div", inner, class_="scroll", tabindex=0, role="region", aria_label=caption)
