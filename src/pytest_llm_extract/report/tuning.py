"""Whether fine-tuning is due, as text that fits a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from pytest_llm_extract.decision.conclude import TuningDecision
from pytest_llm_extract.decision.evidence import Statement
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.report.tables import TableRow, table

_WIDEST = 100
_STEPS = 5
_SOURCES = 3  # of a sentence


class SourceNumbers:
    """The paths that sentences cite, numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def cite(self, statement: Statement) -> str:
        """A sentence with the numbers of its sources."""
        numbers = [str(self.numbers.setdefault(path, len(self.numbers) + 1)) for path in statement.sources[:_SOURCES]]
        return visible(statement.text) + (f" [{','.join(numbers)}]" if numbers else "")

    def lines(self) -> list[str]:
        """Each number with its path."""
        return [f"[{number}] {visible(path)}" for path, number in self.numbers.items()]


def tuning_lines(decision: TuningDecision, width: int) -> list[str]:
    """Conclusion and next steps, five questions, the ceiling by field, four reasons, costs, sources."""
    width = max(40, min(width, _WIDEST))
    sources = SourceNumbers()
    lines = _wrapped(visible(f"{decision.suite}: fine-tuning {tuning_headline(decision)}"), width, "")
    lines += _listed(decision.next_steps[:_STEPS], sources, width)
    lines += ["", "Before fine-tuning"]
    for number, question in enumerate(decision.questions, start=1):
        lines.append(f"{number}. {question.asked} {question.answer.capitalize()}.")
        lines += [line for said in question.statements for line in _wrapped(sources.cite(said), width, "   ")]
    lines += ["", "What prompting can reach: each gold value, over all variants"]
    lines += _ceiling_table(decision, width)
    lines += ["", "Reasons for and against fine-tuning"]
    for reason in decision.reasons:
        lines += _wrapped(f"{reason.name} ({reason.speaks}): {sources.cite(reason.statement)}", width, "- ")
    lines += ["", "What prompting and tuning cost"]
    lines += [line for said in decision.costs for line in _wrapped(sources.cite(said), width, "- ")]
    return [*lines, "", "Numbers in results.json", *sources.lines()]


def tuning_headline(decision: TuningDecision) -> str:
    """The conclusion after `fine-tuning`: `is not due yet; first: examples`."""
    said = {"not yet": "is not due yet; first", "justified": "is justified", "not needed": "is not needed"}
    return f"{said.get(decision.verdict, 'cannot be decided')}: {decision.about}"


def _listed(steps: Iterable[Statement], sources: SourceNumbers, width: int) -> list[str]:
    listed = list(steps)
    if not listed:
        return []
    lines = ["Next:"] if len(listed) > 1 else []
    for number, step in enumerate(listed, start=1):
        lead = f" {number}. " if len(listed) > 1 else "Next: "
        lines += _wrapped(sources.cite(step), width, lead)
    return lines


def _wrapped(text: str, width: int, lead: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False)


def _ceiling_table(decision: TuningDecision, width: int) -> list[str]:
    """One row a field: what some variant gets right, and what none does, by where its value is."""
    rows = []
    for ceiling in decision.ceilings:
        cells = {
            "n": str(ceiling.n),
            "some right": f"{ceiling.right} ({ceiling.reached * 100:.0f}%)",
            "in doc": str(ceiling.in_document or ""),
            "not in doc": str(ceiling.not_in_document or ""),
            "contradicts": str(ceiling.contradicting or ""),
            "?": str(ceiling.unsearchable or ""),
        }
        rows.append(TableRow(ceiling.field, cells))
    legend = (
        "some right: prompting, routing or a vote reaches it. In doc: no variant is right, the document has it, so "
        "tuning may help. Not in doc: label, OCR or knowledge. Contradicts: gold does. ?: cannot be searched for"
    )
    return [*table(rows, width), *textwrap.wrap(legend, width)]
