"""The rules that users write, as plain frozen values: in `Annotated`, in `compare=` and as `x-llm-extract`."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal

from pytest_llm_extract.errors import LlmExtractError, did_you_mean

METADATA_KEY = "pytest_llm_extract"
EXTRA_KEY = "x-llm-extract"
ANY_OF_KEY = "$any_of"


class RuleError(LlmExtractError):
    """A rule with wrong arguments."""


@dataclass(frozen=True)
class Rule:
    """Base of every rule.

    `slot` is what it settles: a later rule of the same slot replaces an earlier one. `place` is where it goes: on a
    leaf, a list, or any field. `types` are the leaf types that it fits, in pydantic-core's names.
    """

    slot: ClassVar[str]
    place: ClassVar[Literal["leaf", "list", "rows", "field"]]
    types: ClassVar[frozenset[str]] = frozenset()

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Leave the type's validation alone and travel with it, so that `Annotated` works at any depth."""
        core = dict(handler(source))
        metadata = dict(core.get("metadata") or {})
        metadata[METADATA_KEY] = (*metadata.get(METADATA_KEY, ()), self)
        return {**core, "metadata": metadata}


_TEXT = frozenset({"str"})


def _expect(holds: bool, rule: Rule, argument: str, wanted: str) -> None:
    """Refuse a wrong argument of a rule."""
    if not holds:
        raise RuleError(f"{type(rule).__name__}: {argument} must be {wanted}, got {getattr(rule, argument)!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


@dataclass(frozen=True)
class Text(Rule):
    """Text in which case, punctuation, accents or white space do not count.

    `min_ratio` (0..1) accepts texts that much alike.
    """

    slot, place, types = "compare", "leaf", _TEXT
    casefold: bool = False
    punctuation: bool = False
    accents: bool = False
    min_ratio: float | None = None
    spaces: bool = False

    def __post_init__(self) -> None:
        for name in ("casefold", "punctuation", "accents", "spaces"):
            _expect(isinstance(getattr(self, name), bool), self, name, "True or False")
        if self.min_ratio is not None:
            fits = _is_number(self.min_ratio) and 0 < self.min_ratio <= 1
            _expect(fits, self, "min_ratio", "above 0 and at most 1")


@dataclass(frozen=True)
class Tolerance(Rule):
    """Numbers at most `abs`, or `rel` times the larger magnitude, apart; give decimals as text: `abs="0.01"`."""

    slot, place, types = "compare", "leaf", frozenset({"int", "float", "decimal"})
    abs: str | int | float | Decimal = 0
    rel: str | int | float | Decimal = 0

    def __post_init__(self) -> None:
        for name in ("abs", "rel"):
            value = getattr(self, name)
            try:
                exact = Decimal(str(value))
            except InvalidOperation:
                raise RuleError(f"Tolerance: {name} must be a number, got {value!r}") from None
            if not exact.is_finite() or exact < 0:
                raise RuleError(f"Tolerance: {name} must be a number of at least 0, got {value!r}")
            if name == "rel" and exact > 1:
                raise RuleError(f"Tolerance: rel must be at most 1, got {value!r}: {value} % is {exact / 100}")
            object.__setattr__(self, name, exact.normalize())


@dataclass(frozen=True)
class DateText(Rule):
    """Text compared as a date; what is not one complete date, or holds more than it, is compared as text.

    `order` says how `03/04/2024` reads; without it, the month comes first. A date that begins with four digits begins
    with its year. Two digits of a year match any century: nothing is filled in. Months may have their names in English
    and some twenty other languages; `2024年3月5日` is read too.
    """

    slot, place, types = "compare", "leaf", _TEXT
    order: Literal["DMY", "MDY", "YMD"] | None = None

    def __post_init__(self) -> None:
        _expect(self.order in (None, "DMY", "MDY", "YMD"), self, "order", "'DMY', 'MDY' or 'YMD'")


@dataclass(frozen=True)
class NumberText(Rule):
    """Text compared as a number in a locale's notation, sign and brackets included; what is not a number, as text.

    `20%` is 0.2. A currency beside the number does not count, unless both sides name one and they differ. `tolerance`
    is how far apart the numbers may be: a number, or a `Tolerance` (in JSON, an object of its arguments).
    """

    slot, place, types = "compare", "leaf", _TEXT
    locale: str = "en_US"
    tolerance: str | int | float | Decimal | Tolerance | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _expect(isinstance(self.locale, str), self, "locale", "the name of a locale such as 'de_DE'")
        given = self.tolerance
        if given is None or isinstance(given, Tolerance):
            return
        try:
            tolerance = Tolerance(**given) if isinstance(given, Mapping) else Tolerance(abs=given)
        except (RuleError, TypeError):
            _expect(False, self, "tolerance", "a number such as '0.01', or a Tolerance")
        object.__setattr__(self, "tolerance", tolerance)


@dataclass(frozen=True, init=False)
class Aliases(Rule):
    """Texts that mean the same: `Aliases({"IBM": ["International Business Machines", "I.B.M."]})`.

    With `casefold`, case does not count, in names or in any other text.
    """

    slot, place, types = "compare", "leaf", _TEXT
    values: tuple[tuple[str, tuple[str, ...]], ...]
    casefold: bool = False

    def __init__(self, values: Mapping[str, str | Iterable[str]], casefold: bool = False) -> None:
        object.__setattr__(self, "casefold", casefold)
        _expect(isinstance(casefold, bool), self, "casefold", "True or False")
        if not isinstance(values, Mapping):
            raise RuleError(f'Aliases: must be a mapping such as {{"IBM": ["I.B.M."]}}, got {values!r}')
        group_of: dict[str, str] = {}
        listed: dict[str, tuple[str, ...]] = {}
        for name, given in values.items():
            listed[name] = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
            for text in (name, *listed[name]):
                if not isinstance(text, str):
                    raise RuleError(f"Aliases: names and aliases must be strings, got {text!r} in {name!r}")
                if (other := group_of.setdefault(text.casefold() if casefold else text, name)) != name:
                    raise RuleError(
                        f"Aliases: {text!r} means both {other!r} and {name!r}: a string must have one meaning"
                    )
        object.__setattr__(self, "values", tuple((name, tuple(sorted(listed[name]))) for name in sorted(listed)))


@dataclass(frozen=True, init=False)
class Null(Rule):
    """What says the same as null here, instead of `""`: `Null("n/a", "-")`; `Null()`: nothing but null and absent."""

    slot, place = "null", "leaf"
    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Ignore(Rule):
    """The field is not scored."""

    slot, place = "ignore", "field"


@dataclass(frozen=True)
class Ordered(Rule):
    """The order of a list counts: items pair up only in sequence."""

    slot, place = "pairing", "list"


@dataclass(frozen=True)
class Align(Rule):
    """How rows find each other: by `key` (one or several paths below the row), else optimally one to one.

    A pair without a correct leaf that is less alike than `min_similarity` (0..1) is refused; 0 refuses none.
    """

    slot, place = "pairing", "rows"
    key: str | tuple[str, ...] | None = None
    min_similarity: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.key, list):
            object.__setattr__(self, "key", tuple(self.key))
        keys = self.key if isinstance(self.key, tuple) else () if self.key is None else (self.key,)
        _expect(all(isinstance(key, str) for key in keys), self, "key", "a path below the row, or several")
        fits = _is_number(self.min_similarity) and 0 <= self.min_similarity <= 1
        _expect(fits, self, "min_similarity", "a number from 0 to 1")

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's paths; empty for an optimal alignment."""
        return (self.key,) if isinstance(self.key, str) else self.key or ()


@dataclass(frozen=True, init=False)
class AnyOf:
    """Gold with several right answers: `AnyOf("ACME", "ACME Inc.")`; in a file `{"$any_of": ["ACME", "ACME Inc."]}`."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise RuleError("AnyOf: name at least one value")
        object.__setattr__(self, "values", values)


Comparison = Callable[[Any, Any], bool]
RULES: Mapping[str, type[Rule]] = {
    rule.__name__: rule for rule in (Text, Tolerance, DateText, NumberText, Aliases, Null, Ignore, Ordered, Align)
}


def slot_of(rule: Rule | Comparison) -> str:
    """What a rule settles; a plain function settles how values compare."""
    return rule.slot if isinstance(rule, Rule) else "compare"


def rules_of(given: Any) -> tuple[Rule | Comparison, ...]:
    """One rule, or several, as written in `compare=`.

    Raises:
        RuleError: it is neither a rule nor a function, or two of them settle the same.
    """
    listed = tuple(given) if isinstance(given, list | tuple) else (given,)
    for rule in listed:
        if isinstance(rule, type) and issubclass(rule, Rule):
            raise RuleError(f"a rule must be called: write {rule.__name__}()")
        if not isinstance(rule, Rule) and not callable(rule):
            raise RuleError(
                f"a rule must be one of {', '.join(RULES)} or a function (gold, predicted) -> bool, got {rule!r}"
            )
        if not isinstance(rule, Rule) and not _takes_two(rule):
            raise RuleError(f"a function must take two values, gold and predicted; {rule!r} does not")
    _refuse_rivals(listed)
    return listed


def _refuse_rivals(rules: Iterable[Rule | Comparison]) -> None:
    """Two that settle the same, of which one would be lost."""
    slots: dict[str, Rule | Comparison] = {}
    for rule in rules:
        if (other := slots.setdefault(slot_of(rule), rule)) is not rule:
            names = [type(one).__name__ if isinstance(one, Rule) else "a function" for one in (other, rule)]
            raise RuleError(f"{' and '.join(names)} exclude each other: use one")


def _takes_two(function: Comparison) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # a builtin that says nothing of its arguments
        return True
    return True


def rules_of_json(given: Any) -> tuple[Rule, ...]:
    """The rules of an `x-llm-extract` property: `{"Text": {"casefold": true}}`; `{"Ignore": {}}`.

    Raises:
        RuleError: no such rule, or no such argument of it.
    """
    if not isinstance(given, Mapping):
        raise RuleError(f'{EXTRA_KEY} must be an object such as {{"Text": {{"casefold": true}}}}, got {given!r}')
    rules = tuple(_rule_of_json(name, arguments) for name, arguments in given.items())
    _refuse_rivals(rules)
    return rules


def _rule_of_json(name: str, arguments: Any) -> Rule:
    if name not in RULES:
        raise RuleError(f"{EXTRA_KEY}: no rule {name!r}.{did_you_mean(name, RULES)}")
    if not isinstance(arguments, Mapping):
        raise RuleError(f"{EXTRA_KEY}: the arguments of {name} must be an object, got {arguments!r}")
    rule, known = RULES[name], [field.name for field in fields(RULES[name])]
    for argument in arguments:
        if argument not in known:
            raise RuleError(f"{EXTRA_KEY}: {name} has no argument {argument!r}.{did_you_mean(argument, known)}")
    if rule is Aliases:
        # Refused unless the values are a mapping.
        return Aliases(arguments.get("values", ()), arguments.get("casefold", False))
    if rule is not Null:
        return rule(**arguments)
    values = arguments.get("values", [])
    if not isinstance(values, list | tuple):
        raise RuleError(f"{EXTRA_KEY}: the values of Null must be a list, got {values!r}")
    return Null(*values)


def describe(rule: Rule | Comparison) -> str:
    """A text that is the same in every process and changes with the rule; of a function, its name and source."""
    if isinstance(rule, Rule):
        return repr(rule)
    name = f"{getattr(rule, '__module__', '?')}.{getattr(rule, '__qualname__', type(rule).__qualname__)}"
    try:
        source = textwrap.dedent(inspect.getsource(rule))
    except (OSError, TypeError):
        return name
    return f"{name} {hashlib.sha256(source.encode()).hexdigest()[:16]}"
