"""What prompting and tuning cost at a stated volume. What is not known is said to be unknown, never guessed."""

from __future__ import annotations

from typing import NamedTuple

from pytest_llm_extract.comparison.summary import VariantSummary, summarize_variant
from pytest_llm_extract.decision.evidence import Evidence, Statement
from pytest_llm_extract.results.prices import has_price
from pytest_llm_extract.wording import counted

NESTED_EXAMPLES = 500  # Dunn et al. 2022, arXiv 2212.05238: pairs for nested extraction


class Assumptions(NamedTuple):
    """What a user states of their costs.

    Args:
        volume: documents a month.
        training_usd: price of 1,000,000 training tokens; None where it was not stated.
        tuned_usd: prices of 1,000,000 tokens that a tuned model reads and writes; None where they were not stated.
        epochs: how often training goes through the examples.
        examples: how many labelled examples it takes.
        tuning_available: whether tuning is on offer, which only the user can know; None where it was not stated.
    """

    volume: float | None = None
    training_usd: float | None = None
    tuned_usd: tuple[float, float] | None = None
    epochs: int = 3
    examples: int = NESTED_EXAMPLES
    tuning_available: bool | None = None


def price_roads(evidence: Evidence, given: Assumptions) -> tuple[Statement, ...]:
    """The cost of prompting, of tuning, and when the second one would have paid; nothing without a volume."""
    if given.volume is None:
        return (Statement("no volume: state documents a month with --volume to see these costs"),)
    price = next(one.usd_per_1000 for one in _summaries(evidence) if one.name == evidence.leader)
    monthly = None if price is None else price * given.volume / 1000
    if given.tuning_available is False:
        closed = Statement("tuning: not on offer, as stated (--no-tuning-available)")
        return (_prompting_said(evidence, given.volume, monthly), closed)
    once, once_said = _training(evidence, given)
    tuned, tuned_said = _tuned(evidence, given)
    said = [_prompting_said(evidence, given.volume, monthly), once_said, tuned_said]
    if monthly is not None and once is not None and tuned is not None:
        saved = monthly - tuned
        months = f"be paid back after {once / saved:,.1f} months" if saved > 0 else "never be paid back"
        said.append(Statement(f"the training would {months}, labels and upkeep aside"))
    return tuple(said)


def _summaries(evidence: Evidence) -> list[VariantSummary]:
    """Every variant with its tokens and its price."""
    if evidence.comparison is not None:
        return list(evidence.comparison.variants)
    return [summarize_variant(suite, suite.cases, suite.paths, 0.0) for suite in evidence.suites]


def _source(evidence: Evidence, variant: str, name: str) -> tuple[str, ...]:
    """Where tokens and prices of a variant are in results.json."""
    if evidence.comparison is None:
        return (evidence.of_suite(variant, "usage"),)
    return (evidence.of_summary(variant, name),)


def _prompting_said(evidence: Evidence, volume: float, monthly: float | None) -> Statement:
    name = evidence.leader
    if monthly is None:
        model = evidence.suite(name).model
        is_priced = model is not None and has_price(model)
        why = "some answers name no tokens" if is_priced else f"no list price for {model or 'its model'}"
        return Statement(f"prompting ({name}): unknown, {why}")
    source = _source(evidence, name, "usd_per_1000")
    return Statement(f"prompting ({name}): ${monthly:,.2f} a month for {volume:,.0f} documents", source)


def _tokens(evidence: Evidence) -> tuple[float, float, str] | None:
    """Tokens that a document takes without examples and passages: those of the shortest variant."""
    known = [one for one in _summaries(evidence) if one.input_tokens and one.output_tokens]
    if not known:
        return None
    shortest = min(known, key=lambda one: one.input_tokens or 0.0)
    return shortest.input_tokens or 0.0, shortest.output_tokens or 0.0, shortest.name


def _training(evidence: Evidence, given: Assumptions) -> tuple[float | None, Statement]:
    n_golden = len(evidence.primary.dataset_ids)
    more = f"; {n_golden} are labelled, and those stay for testing" if n_golden else ""
    labels = f"tuning, once: about {counted(given.examples, 'labelled example')}{more}"
    tokens = _tokens(evidence)
    if tokens is None or given.training_usd is None:
        why = "the tokens of a document" if tokens is None else "--training-price"
        return None, Statement(f"{labels}; the training itself: unknown without {why}")
    read, written, name = tokens
    millions = (read + written) * given.examples * given.epochs / 1e6
    once = millions * given.training_usd
    text = f"{labels}; training ${once:,.2f} ({millions:.2g} million tokens, {counted(given.epochs, 'epoch')})"
    return once, Statement(text, _source(evidence, name, "input_tokens"))


def _tuned(evidence: Evidence, given: Assumptions) -> tuple[float | None, Statement]:
    tokens = _tokens(evidence)
    if tokens is None or given.tuned_usd is None or given.volume is None:
        return None, Statement("tuning, each month: unknown without --tuned-price and the tokens of a document")
    read, written, name = tokens
    monthly = given.volume * (read * given.tuned_usd[0] + written * given.tuned_usd[1]) / 1e6
    text = f"tuning, each month: ${monthly:,.2f}, at the {read:,.0f}+{written:,.0f} tokens of {name}"
    return monthly, Statement(text, _source(evidence, name, "input_tokens"))
