"""Shares and numbers of cases, as reasons and reports write them."""

from __future__ import annotations

from fractions import Fraction


def percent(share: Fraction | float) -> str:
    """`95%`, `91.67%`."""
    return f"{float(share) * 100:.4g}%"


def count_cases(count: int) -> str:
    """`1 case`, `12 cases`."""
    return f"{count} case{'' if count == 1 else 's'}"
