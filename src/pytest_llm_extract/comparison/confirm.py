"""One test at the end, on cases that had no part in choosing; and how often they were used for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.comparison.claims import moved
from pytest_llm_extract.comparison.common_cases import compared_fields
from pytest_llm_extract.comparison.compare import example_cases
from pytest_llm_extract.comparison.scores import ALL, read_scores
from pytest_llm_extract.dataset.case import is_held_out
from pytest_llm_extract.errors import ResultsError, did_you_mean
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.formats.row_files import BAD_ROWS, fault_of_rows, read_rows, rows_of, rows_to_text
from pytest_llm_extract.formats.wire import fields_to_wire
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.stats.signflip import sign_flip
from pytest_llm_extract.wording import count_cases, some_names

USES = "holdout.jsonl"  # beside the cassettes, to be committed


class Confirmation(NamedTuple):
    """Whether a variant is better than the reference on held-out cases: one test, over all fields or those in `fields`.

    `gained` and `lost` are ids of held-out cases.
    """

    suite: str
    variant: str
    reference: str
    n_cases: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    p: float
    alpha: float
    fields: tuple[str, ...] = ()

    @property
    def is_confirmed(self) -> bool:
        """Whether the variant is better beyond noise."""
        return self.p <= self.alpha

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**fields_to_wire(self), "confirmed": self.is_confirmed}


def confirm(
    suites: Sequence[SuiteResult], variant: str, reference: str, alpha: float, chosen: Sequence[str] = ()
) -> Confirmation:
    """Test once, on the held-out cases alone, whether a variant is better than the reference.

    `variant`, and the fields in `chosen` if any, were chosen on the other cases. `alpha` is the chance that it is
    confirmed though it is not better.

    Raises:
        ResultsError: no held-out case that both have, no labelled field, or a field that is not compared.
    """
    pair = {suite.variant: suite for suite in suites if suite.variant in (variant, reference)}
    examples = example_cases(list(pair.values()))
    held = [case.id for case in pair[reference].cases if is_held_out(case.metadata) and case.id not in examples]
    by_id = {name: {case.id: case for case in suite.cases} for name, suite in pair.items()}
    shared = [case for case in held if all(case in cases for cases in by_id.values())]
    fields = compared_fields(list(pair.values()))
    if not shared or not fields:
        raise ResultsError("--confirm", 'needs held-out cases: golden data with metadata {"split": "holdout"}')
    for field in chosen:
        if field not in fields:
            raise ResultsError("--field", f"no field {field!r}.{did_you_mean(field, fields)}")
    results = {name: [cases[case] for case in shared] for name, cases in by_id.items()}
    scores = read_scores(results, chosen or fields)
    changes = scores.changes(variant, reference, ALL)
    gained, lost = moved(scores, changes)
    p = sign_flip([-change for change in changes]).p
    return Confirmation(pair[reference].id, variant, reference, len(shared), gained, lost, p, alpha, tuple(chosen))


def confirmation_lines(confirmation: Confirmation, before: Sequence[Mapping[str, Any]]) -> list[str]:
    """The result, and a warning where these cases were used `before`, as `note_use` says."""
    moves = f"+{count_cases(len(confirmation.gained))}, −{len(confirmation.lost)}, p {confirmation.p:.3g}"
    named = f"{some_names(confirmation.fields)}, with " if confirmation.fields else ""
    where = f"{named}{count_cases(confirmation.n_cases)} held out"
    if confirmation.is_confirmed:
        lines = [f"confirmed: {confirmation.variant} beats {confirmation.reference} on {where}: {moves}"]
    else:
        lines = [
            f"not confirmed: {confirmation.variant} and {confirmation.reference} cannot be told apart "
            f"{'on' if named else 'with'} {where}: {moves}"
        ]
    if before:
        earlier = some_names(f"{row['variant']} on {row['date']}" for row in before)
        times = "once" if len(before) == 1 else f"{len(before)} times"
        lines.append(
            f"warning: these cases were used {times} before ({earlier}): what was seen then may have led to this "
            "variant, so p is too small; hold out new cases"
        )
    return lines


def note_use(path: Path, confirmation: Confirmation) -> list[dict[str, Any]]:
    """Write down that held-out cases were used, and give the earlier uses for this suite.

    The same test again, with the same result, is not another use.

    Raises:
        ResultsError: the file cannot be read or written.
    """
    row = confirmation._asdict() | {"gained": len(confirmation.gained), "lost": len(confirmation.lost)}
    del row["alpha"], row["fields"]
    if confirmation.fields:
        row["fields"] = list(confirmation.fields)
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        known = rows_of(text)
        mine = [one for one in known if one["suite"] == confirmation.suite]
        same = [one for one in mine if {name: value for name, value in one.items() if name != "date"} == row]
        if not same:
            line = rows_to_text([{"date": clock.utc_now().date().isoformat(), **row}])
            write_atomically(path, text + ("" if not text or text.endswith("\n") else "\n") + line)
    except BAD_ROWS as error:
        raise _not_kept(path, error) from None
    return mine[: mine.index(same[0])] if same else mine


def uses_of_moved(path: Path, is_old: Callable[[str], bool], new: str, *, stays: bool) -> tuple[int, str]:
    """What the file of uses says once a suite has moved, and how many of its lines that changes.

    Args:
        path: the file.
        is_old: whether an id is a former one of the suite.
        new: its id now.
        stays: whether a suite of the former id is still there, which has used the cases too.

    Raises:
        ResultsError: the file cannot be read.
    """
    after: list[Any] = []
    n = 0
    try:
        rows = read_rows(path)
        for row in rows:
            taken = {**row, "suite": new} if is_old(row["suite"]) else None
            after += [row] if taken is None or stays else []
            if taken is not None and taken not in rows:
                after.append(taken)
                n += 1
    except BAD_ROWS as error:
        raise _not_kept(path, error) from None
    return n, rows_to_text(after)


def write_uses(path: Path, text: str) -> None:
    """Write the file of uses.

    Raises:
        ResultsError: that cannot be done.
    """
    try:
        write_atomically(path, text)
    except OSError as error:
        raise _not_kept(path, error) from None


def _not_kept(path: Path, error: Exception) -> ResultsError:
    return ResultsError(str(path), f"uses of held-out cases cannot be kept there: {fault_of_rows(error)}")
