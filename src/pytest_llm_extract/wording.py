"""Shares and numbers of cases, as reasons and reports write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

_LONGEST_NAME = 40


def percent(share: Fraction | float, digits: int = 4) -> str:
    """`95%`, `91.67%`."""
    return f"{float(share) * 100:.{digits}g}%"


def percents_apart(one: Fraction, other: Fraction) -> tuple[str, str]:
    """Two shares with as many digits as it takes to tell them apart: `99.995%` and `100%`."""
    texts = ((percent(one, digits), percent(other, digits)) for digits in range(4, 17))
    return next((pair for pair in texts if pair[0] != pair[1]), (str(one), str(other)))


def count_samples(n_samples: int, n_cases: int) -> str:
    """`3 samples of 120 cases`; nothing where each case has one."""
    if n_samples == n_cases:
        return ""
    each = f"{n_samples // n_cases} samples" if n_samples % n_cases == 0 else f"{n_samples} samples"
    return f"{each} of {count_cases(n_cases)}"


def counted(count: int, noun: str) -> str:
    """`1 call`, `1,200 calls`; for nouns whose plural ends in a further s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def count_cassettes(count: int) -> str:
    """`1 cassette`, `12 cassettes`: one for each sample of a case."""
    return f"{count} cassette{'' if count == 1 else 's'}"


def count_batches(count: int) -> str:
    """`1 batch`, `12 batches`."""
    return f"{count:,} batch{'' if count == 1 else 'es'}"


def count_cases(count: int) -> str:
    """`1 case`, `12 cases`."""
    return f"{count} case{'' if count == 1 else 's'}"


def unknown_keys(cases: Mapping[str, int]) -> str | None:
    """Which keys of gold were left out, the most frequent first; `cases` counts those that have each, by path."""
    named = [f"{path} ({count_cases(n)})" for path, n in sorted(cases.items(), key=lambda found: -found[1])]
    return f"gold has keys that the schema does not have, ignored: {some_names(named)}" if named else None


def some_names(names: Iterable[str], most: int = 5) -> str:
    """The first of them, at `most`, long ones cut."""
    listed = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…" for name in names]
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")
