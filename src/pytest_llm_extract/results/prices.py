"""The cost of recorded answers by public price lists. An uncertain price is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from pytest_llm_extract.results.case_result import Usage

BATCH = "batch"  # how answers came that OpenAI, Azure, Anthropic and Google sell at half of the list price
BATCH_SHARE = 0.5


def cost_usd(model: str | None, usage: Usage, via: str | None = None) -> float | None:
    """Price of one case's tokens in US dollars; None for a model or a usage that is not known.

    `via` is BATCH for answers that came in a batch.
    """
    if model is None or not usage.input_tokens or not has_price(model):
        return None
    return _price(model, usage) * (BATCH_SHARE if via == BATCH else 1)


def cost_of_models_usd(by_model: Mapping[str | None, Usage], via: str | None = None) -> float | None:
    """The price of the tokens of several models in US dollars; None if any price is unknown."""
    return total_usd(cost_usd(model, usage, via) for model, usage in by_model.items())


@lru_cache(maxsize=256)  # every list is searched for a model that none has
def has_price(model: str) -> bool:
    """Whether the price lists contain this model."""
    try:
        _price(model, Usage(1, 1))
    except LookupError:
        return False
    return True


@lru_cache(maxsize=256)
def context_window(model: str) -> int | None:
    """How many tokens a model takes at most; None where the price lists do not say."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    try:
        return calc_price(Tokens(input_tokens=1, output_tokens=1), model).model.context_window
    except LookupError:
        return None


def load_prices() -> None:
    """Import the price lists, which takes a tenth of a second the first time."""
    import genai_prices.data  # noqa: F401


def _price(model: str, usage: Usage) -> float:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    return float(calc_price(tokens, model).total_price)


def dollars(cost_usd: float | None) -> str:
    """Format US dollars: `$12.34`, `$0.0123`, `$0.000012`, or words if unknown."""
    if cost_usd is None:
        return "cost unknown"
    return f"${cost_usd:.{2 if cost_usd >= 1 else 4 if cost_usd >= 0.01 or not cost_usd else 6}f}"


def total_usd(costs: Iterable[float | None]) -> float | None:
    """The sum of prices; None if any is unknown or there are none."""
    known = list(costs)
    return sum(cost for cost in known if cost is not None) if known and None not in known else None
