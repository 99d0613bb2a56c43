"""The parts of a request that people change, whichever API it is sent to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_llm_extract.wire_formats.base import Body, RequestKeys
from pytest_llm_extract.wire_formats.detect import FORMATS, json_of
from pytest_llm_extract.wire_formats.members import mapping

_SYSTEM_ROLES = ("system", "developer", "SYSTEM")


def _all(part: str) -> tuple[str, ...]:
    """The keys of a part in all APIs: a request does not name its own, and their keys do not conflict."""
    return tuple(dict.fromkeys(key for wire_format in FORMATS for key in getattr(wire_format.request, part)))


_KEYS = RequestKeys(_all("system"), _all("turns"), _all("schema"))


def split_request(body: Any) -> dict[str, Any]:
    """A request body as model, system prompt, messages, schema and parameters."""
    if not isinstance(body, dict):
        return {"parameters": body}
    rest = dict(body)
    parts: dict[str, Any] = {"model": rest.pop("model", None)}
    system = [value for value in _take(rest, _KEYS.system).values() if value]
    messages: list[Any] = []
    for turns in _take(rest, _KEYS.turns).values():
        for turn in turns if isinstance(turns, list) else [turns]:
            if mapping(turn).get("role") in _SYSTEM_ROLES:
                system.append(mapping(turn).get("content"))
            else:
                messages.append(turn)
    schema = _take(rest, _KEYS.schema)
    return {**parts, "system prompt": system, "messages": messages, "schema": schema, "parameters": rest}


def fixed_seed(bodies: Iterable[bytes]) -> int | None:
    """The first seed of requests whose answers are drawn; None without one, or at the temperature 0."""
    for body in bodies:
        if b'"seed"' in body:  # few have one, and reading a request takes longer than all else that is done with it
            value = mapping(json_of(body))
            for parameters in (value, mapping(value.get("generationConfig")), mapping(value.get("options"))):
                seed = parameters.get("seed")
                if type(seed) is int and parameters.get("temperature") != 0:
                    return seed
    return None


def tool_choice(body: Any) -> str | None:
    """Whether the model may call a tool: `auto`, or `forced` where it must; None where a request offers none."""
    request = mapping(body)
    config = mapping(request.get("toolConfig"))  # of Bedrock and Google
    if not any(request.get(name) for name in ("tools", "functions")) and not config.get("tools"):
        return None
    choice: Any = request.get("tool_choice") or request.get("function_call") or config.get("toolChoice") or "auto"
    if "functionCallingConfig" in config:
        choice = mapping(config["functionCallingConfig"]).get("mode") or "auto"
    if isinstance(choice, dict):
        choice = choice.get("type") or next(iter(choice), "auto")
    return {"auto": "auto", "none": None}.get(str(choice).lower(), "forced")


def _take(rest: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Move the values of these keys out of a body; its objects stay as they are."""
    taken = {}
    for key in keys:
        outer, _, inner = key.partition(".")
        value: Body = mapping(rest.get(outer))
        if not inner and outer in rest:
            taken[key] = rest.pop(outer)
        elif inner in value:
            taken[key] = value[inner]
            rest[outer] = {name: other for name, other in value.items() if name != inner}
    return taken


def plain_text(piece: Any) -> str | None:
    """The text of a message, or of blocks that hold only text; None for anything else."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, list):
        texts = [plain_text(block) for block in piece]
        return "\n".join(text for text in texts if text is not None) if None not in texts else None
    if isinstance(piece, dict):
        if piece.keys() <= {"type", "text"}:
            return plain_text(piece.get("text"))
        return plain_text(piece.get("content", piece.get("parts")))
    return None
