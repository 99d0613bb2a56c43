"""Errors that users see: the data stays on the exception, the message is built in `__str__`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pytest_llm_extract.wording import counted

SHOWN_PROBLEMS = 10
_LISTED = 8  # as many known names are listed where none is near
# A line of the file, or a file of the folder; None: the whole of it.
Place = int | str | None
Problems = list[tuple[Place, str]]


class LlmExtractError(Exception):
    """Base of every error of this package that a user can fix."""

    def __reduce__(self) -> tuple[Callable[..., BaseException], tuple[Any, ...], dict[str, Any]]:
        # From a worker process: by default the class would be called with `args`, which are not its arguments.
        return BaseException.__new__, (type(self), *self.args), self.__dict__


def nearest(name: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """The most similar known name; None if none is similar enough (`cutoff`: 0 takes any, 1 only an equal one)."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return near[0] if near else None


def did_you_mean(name: str, known: Collection[str], cutoff: float = 0.6) -> str:
    """` Did you mean 'total'?` for the nearest known name, or an empty string."""
    near = nearest(name, known, cutoff)
    return f" Did you mean {near!r}?" if near else ""


def reason(error: OSError | ValueError) -> str:
    """The reason why a file cannot be read, without the file's name, which the message gives before it."""
    return getattr(error, "strerror", None) or str(error)


class PlacedError(LlmExtractError):
    """Base of errors about one place: `source` is a file, or where an argument was written."""

    def __init__(self, source: str | Path, problem: str) -> None:
        super().__init__(problem)
        self.source, self.problem = source, problem

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


class UsageError(PlacedError):
    """A mistake in a marker's argument."""


class UnknownNameError(LlmExtractError):
    """An unknown name, with the nearest one that exists."""

    def __init__(self, name: str, *, known: Collection[str], source: str, kind: str) -> None:
        super().__init__(name)
        self.name, self.known, self.source, self.kind = name, known, source, kind

    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        if not hint and 0 < len(self.known) <= _LISTED:
            hint = f" There {'is' if len(self.known) == 1 else 'are'} {', '.join(sorted(self.known))}."
        return f"{self.source}: no {self.kind} {self.name!r}.{hint}"


class DatasetError(LlmExtractError):
    """Golden data that cannot be used; every problem names its place."""

    def __init__(self, path: str, problems: Problems) -> None:
        super().__init__(path)
        self.path, self.problems = path, problems

    def __str__(self) -> str:
        shown = [f"{self.path}{_after(place)}: {text}" for place, text in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > len(shown):
            shown.append(f"{self.path}: … and {counted(len(self.problems) - len(shown), 'more problem')}")
        return "\n".join(shown)


def _after(place: Place) -> str:
    if isinstance(place, str):
        return f"/{place}"
    return f":{place}" if place else ""


class PromptError(PlacedError):
    """A prompt file that cannot be read or rendered."""


class UnsupportedFieldError(LlmExtractError):
    """A field that strict structured output cannot hold; the path is empty for the schema as a whole."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"field {self.path!r} {self.problem}" if self.path else self.problem


class CassetteError(PlacedError):
    """A cassette file that exists but cannot be used. It is never treated as empty."""


class WithheldError(CassetteError):
    """A cassette that git replaced by a pointer, or that is encrypted."""


class BaselineError(PlacedError):
    """A baseline that cannot be read, or that mixes prompts."""


class ResultsError(PlacedError):
    """A results.json that cannot be used."""


class GitError(PlacedError):
    """A revision that git cannot give, with git's own words and what to do."""

    def __init__(self, revision: str, problem: str) -> None:
        super().__init__(f"git:{revision}", problem)


class SecretFoundError(LlmExtractError):
    """A cassette holds a secret, so it was not written. The error never holds the secret itself."""

    def __init__(self, path: Path, secret: str, place: str) -> None:
        super().__init__(secret)
        self.path, self.secret, self.place = path, secret, place

    def __str__(self) -> str:
        return (
            f"{self.path}: not written: {self.secret} is in {self.place}. "
            "Keep it out of the request; rotate it if the provider sent it back; if it is not a secret, say so in "
            "the ini llm_extract_secrets."
        )
