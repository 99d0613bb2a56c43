"""The marker's short forms and `variants=` become the arguments of each variant, the primary first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.config.source import MarkerSource
from pytest_llm_extract.config.suite_folders import slug
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.prompt.prompt_call import ARGUMENTS as PROMPT_ARGUMENTS
from pytest_llm_extract.prompt.prompt_call import parts_of_prompt
from pytest_llm_extract.rules.variants import Ablation, Variant

SHORT_FORMS = ("prompts", "models", "variants")
# What a variant may have of its own; the golden data and what cases are held to are the suite's.
OWN = {*PROMPT_ARGUMENTS, "extractor", "prompt", "schema", "compare", "samples", "ignore", "concurrency", "record"}
_NAME = 40  # characters of an instruction in the name of its variant
PRIMARY = "primary"  # a name of the primary on the command line


class VariantArguments(NamedTuple):
    """The arguments of one variant as if the marker had been written for it alone; `name` is None for the primary."""

    name: str | None
    is_gated: bool
    given: dict[str, Any]
    source: str


def expand_variants(given: Mapping[str, Any], marker: MarkerSource) -> list[VariantArguments]:
    """The primary's arguments, then those of every variant, in the order written.

    Raises:
        UsageError: a list that is none, an entry that is not a Variant, a name that is taken.
        UnknownNameError: an argument that a variant cannot have.
    """
    source = marker.name
    shared = {name: value for name, value in given.items() if name not in SHORT_FORMS}
    prompts, models = (_listed(given, name, source) for name in ("prompts", "models"))
    if prompts and "prompt" not in shared:
        shared["prompt"] = prompts[0]
    if models and "model" not in shared:
        shared["model"] = models[0]
    expanded = [VariantArguments(None, True, shared, source)]
    expanded += [_variant(variant, shared, source) for variant in _matrix(shared, prompts, models)]
    for entry in _variants(given, shared.get("prompt"), marker):
        expanded.append(_variant(entry, shared, source))
    names: dict[str, str] = {}
    for name in (one.name for one in expanded if one.name is not None):
        other = names.setdefault(name.casefold(), name)
        if other != name:
            raise UsageError(source, f"variants {other!r} and {name!r} would share a folder where case does not count")
        if sum(one.name == name for one in expanded) > 1:
            raise UsageError(source, f"two variants are called {name!r}")
    return expanded


def _listed(given: Mapping[str, Any], name: str, source: str) -> list[Any]:
    listed = given.get(name, ())
    if isinstance(listed, str | Path) or not isinstance(listed, Sequence):
        raise UsageError(source, f"{name}= must be a list, got {listed!r}")
    for entry in listed:
        if not (isinstance(entry, str | Path) and str(entry)):
            raise UsageError(source, f"{name}= must be a list of names, got {entry!r} in it")
    if twice := next((entry for entry in listed if listed.count(entry) > 1), None):
        raise UsageError(source, f"{name}= names {str(twice)!r} twice")
    if name in given and not listed:
        raise UsageError(source, f"{name}= must not be empty")
    return list(listed)


def _matrix(shared: Mapping[str, Any], prompts: Sequence[Any], models: Sequence[Any]) -> list[Variant]:
    """Every prompt with every model, without the pair that is the primary's."""
    pairs = [
        (prompt, model)
        for prompt in (prompts or [shared.get("prompt")])
        for model in (models or [shared.get("model")])
        if (prompt, model) != (shared.get("prompt"), shared.get("model"))
    ]
    combined = []
    for prompt, model in pairs:
        stem = Path(str(prompt)).name.split(".", 1)[0]
        parts = [*([stem] if prompts else []), *([str(model)] if models else [])]
        own = {**({"prompt": prompt} if prompts else {}), **({"model": model} if models else {})}
        combined.append(Variant("-".join(parts), **own))
    return combined


def _variants(given: Mapping[str, Any], prompt: Any, marker: MarkerSource) -> list[Variant]:
    source, listed = marker.name, given.get("variants", ())
    if isinstance(listed, Ablation):
        listed = [listed]
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        raise UsageError(source, f"variants= must be a list of Variant(…), got {listed!r}")
    for entry in listed:
        if not isinstance(entry, Variant | Ablation):
            raise UsageError(source, f"variants= must be a list of Variant(…), got {entry!r} in it")
    expanded: list[Variant] = []
    for entry in listed:
        expanded += _ablated(entry, prompt, marker) if isinstance(entry, Ablation) else [entry]
    return expanded


def _ablated(ablation: Ablation, prompt: Any, marker: MarkerSource) -> list[Variant]:
    """A variant for each instruction that is left out, named by its words: other lines do not rename it."""
    variants: list[Variant] = []
    names: list[str] = []
    for part in parts_of_prompt(ablation, prompt, marker):
        stem = f"no-{slug(part.text)[:_NAME].rstrip('-.')}"
        names.append(stem)
        name = stem if names.count(stem) == 1 else f"{stem}-{names.count(stem)}"
        variants.append(Variant(name, prompt=part))
    return variants


def _variant(variant: Variant, shared: Mapping[str, Any], source: str) -> VariantArguments:
    name = variant.name
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or set(name) & set("[]"):
        raise UsageError(source, f"a variant's name must be a printable string without brackets, got {name!r}")
    if name == PRIMARY:
        raise UsageError(source, f"{PRIMARY!r} names what the marker itself says; give the variant another name")
    source = f"{source}: variant {name!r}"
    for argument in variant.arguments:
        if argument not in OWN:
            raise UnknownNameError(argument, known=OWN, source=source, kind="argument")
    if not isinstance(variant.gated, bool):
        raise UsageError(source, f"gated= must be True or False, got {variant.gated!r}")
    return VariantArguments(name, variant.gated, _merged(variant.arguments, shared), source)


def _merged(own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The primary's arguments with a variant's own; an extractor takes the place of a prompt, and the other way."""
    dropped: set[str] = set()
    if own.get("extractor") is not None:
        dropped = {"prompt", *PROMPT_ARGUMENTS}
    elif own.get("prompt") is not None:
        dropped = {"extractor"}
    return {**{name: value for name, value in shared.items() if name not in dropped}, **own}
