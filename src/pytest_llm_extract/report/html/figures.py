"""Small pictures as SVG, which need no script and print: a rate, its history, score against cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import log10

from pytest_llm_extract.comparison.compare import VariantComparison
from pytest_llm_extract.comparison.scores import ALL
from pytest_llm_extract.comparison.summary import VariantSummary
from pytest_llm_extract.report.html.markup import Html, tag
from pytest_llm_extract.report.terminal_text import field_name

_WIDTH, _HEIGHT = 640, 300  # of the picture of variants, with its margins
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 120, 14, 40
_LETTER, _LINE, _LONGEST_NAME = 6.5, 13, 40  # of a name in it: its width and height, and the characters of the longest


def bar(accuracy: float, interval: tuple[float, float], floor: Fraction | None, before: float | None) -> Html:
    """A rate as a bar, with its interval as a line, its floor as a tick and the baseline as a dotted one."""
    low, high = interval
    parts = [
        tag("rect", x=0, y=4, width=100, height=8, class_="track"),
        tag("rect", x=0, y=4, width=_n(accuracy * 100), height=8, class_="rate"),
        tag("line", x1=_n(low * 100), x2=_n(high * 100), y1=8, y2=8, class_="interval"),
    ]
    if before is not None:
        parts.append(tag("line", x1=_n(before * 100), x2=_n(before * 100), y1=2, y2=14, class_="before"))
    if floor is not None:
        at = _n(float(floor) * 100)
        parts.append(tag("line", x1=at, x2=at, y1=0, y2=16, class_="floor"))
    # The columns beside it say the same in numbers.
    return tag("svg", *parts, viewBox="0 0 100 16", preserveAspectRatio="none", class_="bar", aria_hidden="true")


def spark(shares: Sequence[float]) -> Html | None:
    """The rates of accepted runs and of this one as a line; None where there are fewer than two."""
    if len(shares) < 2:
        return None
    step = 76 / (len(shares) - 1)
    points = [(2 + step * at, 18 - share * 16) for at, share in enumerate(shares)]
    line = tag("polyline", points=" ".join(f"{_n(x)},{_n(y)}" for x, y in points), class_="line")
    end = tag("circle", cx=_n(points[-1][0]), cy=_n(points[-1][1]), r=2, class_="end")
    said = "accuracy of accepted runs, then of this one: " + ", ".join(f"{share * 100:.0f}%" for share in shares)
    return tag("svg", line, end, viewBox="0 0 80 20", class_="spark", role="img", aria_label=said)


def scatter(comparison: VariantComparison) -> Html | None:
    """Score against what 1,000 documents cost (against tokens, where no price is known), and the front of the best."""
    placed = _placed(comparison.variants)
    if placed is None:
        return None
    unit, costs = placed
    xs = [log10(cost) for cost in costs]
    low, high = min(xs), max(xs)
    pad = max((high - low) * 0.08, 0.05)
    top = min(1.0, max(variant.score for variant in comparison.variants) * 1.15 + 0.02)

    def x(value: float) -> float:
        return _LEFT + (value - low + pad) / (high - low + 2 * pad) * (_WIDTH - _LEFT - _RIGHT)

    def y(score: float) -> float:
        return _TOP + (1 - score / top) * (_HEIGHT - _TOP - _BOTTOM)

    points = [
        (x(at), y(v.score), v.name, v.name in comparison.best) for at, v in zip(xs, comparison.variants, strict=True)
    ]
    ticks = [(y(share), f"{share * 100:.0f}%") for share in (0, top / 2, top)]
    parts = [*_axes(ticks, [(x(value), cost) for value, cost in ((low, min(costs)), (high, max(costs)))], unit)]
    parts += _intervals(comparison, {name: px for px, _, name, _ in points}, y)
    front = _front([(px, py) for px, py, *_ in points])
    parts.append(tag("polyline", points=" ".join(f"{_n(a)},{_n(b)}" for a, b in front), class_="front"))
    for px, py, name, is_best in points:
        style = "best" if is_best else "other"
        parts.append(tag("circle", tag("title", name), cx=_n(px), cy=_n(py), r=6, class_=style))
    parts += _names(sorted(points, key=lambda point: (point[:2] not in front, point[1])))
    spread = "with intervals of the difference to the reference; the table has the numbers"
    said = f"Score against {unit}, {spread}. The line joins what nothing else beats in both."
    picture = tag("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", class_="scatter", role="img", aria_label=said)
    return tag("div", picture, class_="scroll", tabindex=0, role="region", aria_label="Score and cost")


def _intervals(comparison: VariantComparison, at: Mapping[str, float], y: Callable[[float], float]) -> Iterator[Html]:
    """The intervals of the differences to the reference, as bars around the reference's score."""
    zero = comparison.variant(comparison.reference).score
    for difference in comparison.differences:
        if difference.field == ALL and difference.low is not None and difference.high is not None:
            low, high = (y(min(1.0, max(0.0, zero + value))) for value in (difference.low, difference.high))
            px = _n(at[difference.variant])
            yield tag("line", x1=px, x2=px, y1=_n(max(low, _TOP)), y2=_n(max(high, _TOP)), class_="spread")


def _names(points: Sequence[tuple[float, float, str, bool]]) -> Iterator[Html]:
    """The names of points, the first ones first: below one another where points are close, as long as there is room."""
    taken: list[tuple[float, float, float]] = []  # where each begins and ends, and its height
    for x, y, name, _ in points:
        shown = field_name(name, _LONGEST_NAME)
        width, is_left = len(shown) * _LETTER, x + 10 + len(shown) * _LETTER > _WIDTH
        begin = x - 10 - width if is_left else x + 10
        while any(begin < end and other < begin + width and abs(y - at) < _LINE for other, end, at in taken):
            y += _LINE
        if y <= _HEIGHT - _BOTTOM + 4:
            taken.append((begin, begin + width, y))
            yield tag("text", shown, x=_n(x - 10 if is_left else begin), y=_n(y + 4), class_="end" if is_left else None)


def _placed(variants: Sequence[VariantSummary]) -> tuple[str, list[float]] | None:
    """What the variants are placed by, and each one's value; None where some value is not known."""
    prices = [variant.usd_per_1000 for variant in variants]
    if all(prices):
        return "US dollars for 1,000 documents", [price for price in prices if price]
    tokens = [(variant.input_tokens or 0) + (variant.output_tokens or 0) for variant in variants]
    return ("tokens of a document", tokens) if tokens and all(tokens) else None


def _axes(ticks: Sequence[tuple[float, str]], ends: Sequence[tuple[float, float]], unit: str) -> list[Html]:
    parts = []
    for at, label in ticks:
        parts.append(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=_n(at), y2=_n(at), class_="grid"))
        parts.append(tag("text", label, x=_LEFT - 8, y=_n(at + 4), class_="tick end"))
    for at, value in ends:
        shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        parts.append(tag("text", shown, x=_n(at), y=_HEIGHT - 22, class_="tick middle"))
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    parts.append(tag("text", f"{unit} (logarithmic)", x=middle, y=_HEIGHT - 5, class_="tick middle"))
    return parts


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other one beats: cheaper and higher. SVG's y grows downward."""
    kept: list[tuple[float, float]] = []
    for point in sorted(points):
        if not kept or point[1] < kept[-1][1]:
            kept.append(point)
    return kept


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
