"""The parts of a multipart body by their names, so that one can be compared or put aside."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

_BOUNDARY = re.compile(rb"--[\w'()+,./:=?-]{1,70}(?=\r\n)")
_PARAMETER = re.compile(rb'(?i);\s*(name|filename)="([^"]*)"')
_TYPE = re.compile(rb"(?im)^content-type:[ \t]*([^\r\n]*)")
View = dict[str, str]


class BodyPart(NamedTuple):
    """One part, its head without the empty line that ends it."""

    head: bytes
    content: bytes

    @property
    def name(self) -> str:
        """The name of its field; empty where it has none."""
        return self._parameters().get("name", "")

    @property
    def view(self) -> View:
        """What there is to compare: `content`, and `filename` and `content-type` where the head has them."""
        parameters = {name: value for name, value in self._parameters().items() if name != "name"}
        if kind := _TYPE.search(self.head):
            parameters["content-type"] = kind[1].decode("latin-1")
        return {**parameters, "content": self.content.decode("utf-8", "surrogateescape")}

    def seen_as(self, view: View) -> BodyPart:
        """This part with what another view has in the place of its own."""
        old, head = self.view, self.head
        for name in old.keys() - {"content"}:
            if old[name] != view[name]:
                head = head.replace(old[name].encode("latin-1"), view[name].encode("latin-1", "replace"))
        return BodyPart(head, view["content"].encode("utf-8", "surrogateescape"))

    def _parameters(self) -> View:
        return {name.decode().lower(): value.decode("latin-1") for name, value in _PARAMETER.findall(self.head)}


def read_parts(body: bytes) -> list[BodyPart] | None:
    """The parts of a multipart body; None for any other body."""
    if (boundary := _boundary(body)) is None:
        return None
    parts = []
    for piece in body.split(boundary)[1:-1]:
        head, gap, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not gap or not content.endswith(b"\r\n"):
            return None
        parts.append(BodyPart(head, content[:-2]))
    return parts


def change_parts(body: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """A body with each part as `change` makes it, which gets `{name: view}`; any other body as it is."""
    parts, boundary = read_parts(body), _boundary(body)
    if parts is None or boundary is None:
        return body
    out = []
    for part in parts:
        (view,) = change({part.name: part.view}).values()
        changed = part.seen_as(view) if isinstance(view, dict) else BodyPart(_plain_head(part.name), str(view).encode())
        out.append(b"\r\n" + changed.head + b"\r\n\r\n" + changed.content + b"\r\n")
    return boundary + boundary.join(out) + boundary + body.rpartition(boundary)[2]


def _plain_head(name: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"'.encode("latin-1")


def _boundary(body: bytes) -> bytes | None:
    boundary = _BOUNDARY.match(body)
    return boundary[0] if boundary and body.rstrip().endswith(boundary[0] + b"--") else None
