"""The five questions that come before fine-tuning, answered from results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pytest_llm_extract.comparison.common_cases import tried_before
from pytest_llm_extract.decision.ceiling import Ceiling, Gap, total
from pytest_llm_extract.decision.evidence import Answer, Evidence, Statement
from pytest_llm_extract.lints.near_duplicates import SAME, similarity
from pytest_llm_extract.lints.retrieval import retrieval_lines
from pytest_llm_extract.results.recipe import Recipe
from pytest_llm_extract.wording import counted, percent, some_names

FORMULATIONS = 5
_CLEAN = 0.05  # of the cases may have open findings
_KNOWLEDGE = 0.1  # of the missed values are not in their documents: then retrieval could add something
# Findings that say nothing of a mistake in a document or a label.
_HARMLESS = frozenset({"not_copied", "not_retrieved", "few_labels", "constant_label"})


class Question(NamedTuple):
    """One of the five, with its answer; `name` is the lever that it asks for."""

    name: str
    asked: str
    answer: Answer
    statements: tuple[Statement, ...]


def ask(evidence: Evidence, ceilings: Mapping[str, Ceiling], gaps: Sequence[Gap]) -> tuple[Question, ...]:
    """All five, in the order in which they are asked."""
    return (
        _formulations(evidence),
        _lever(evidence, "examples", "Have examples been added?", lambda recipe: recipe.has_examples),
        _retrieval(evidence, ceilings),
        _clean(evidence),
        _gap(evidence, gaps),
    )


def _formulations(evidence: Evidence) -> Question:
    asked = f"Have {FORMULATIONS} different formulations been tried?"
    distinct, n_recipes = distinct_formulations(evidence)
    if not distinct:
        return Question("formulations", asked, "cannot tell", (Statement("these results do not say how they ask"),))
    variants = counted(n_recipes, "variant")
    text = f"{counted(len(distinct), 'different wording')} in {variants}: {some_names(distinct)}"
    sources = tuple(evidence.of_suite(name, "recipe.instructions") for name in distinct)
    said = [Statement(text, sources)]
    if before := {tried.wording for tried in tried_before(evidence.suites) if tried.wording is not None}:
        old = f"{counted(len(before), 'more wording')} recorded before, not among these variants"
        said.append(Statement(old, (evidence.of_suite(evidence.primary.variant, "tried[*].wording"),)))
    n = len(distinct) + len(before)
    return Question("formulations", asked, "yes" if n >= FORMULATIONS else "no", tuple(said))


def distinct_formulations(evidence: Evidence) -> tuple[list[str], int]:
    """A variant for each wording of the instructions that is not nearly another's, and how many have any."""
    distinct: dict[str, str] = {}
    n_recipes = 0
    for suite in evidence.suites:
        if suite.recipe is None:
            continue
        n_recipes += 1
        text = suite.recipe.instructions
        if all(similarity(text, known) < SAME for known in distinct.values()):
            distinct[suite.variant] = text
    return list(distinct), n_recipes


def _lever(evidence: Evidence, name: str, asked: str, has: Callable[[Recipe], bool]) -> Question:
    """Whether some variant uses a lever, and what the best one with it gets beside the best one without it."""
    known = {suite.variant: suite.recipe for suite in evidence.suites if suite.recipe is not None}
    if not known:
        return Question(name, asked, "cannot tell", (Statement("these results do not say what the requests hold"),))
    using = [variant for variant, recipe in known.items() if has(recipe)]
    if not using:
        places = tuple(evidence.of_suite(variant, "recipe") for variant in known)
        return Question(name, asked, "not tried", (Statement(f"no variant has {name}", places[:3]),))
    shown = [f"{variant} ({n})" if (n := len(known[variant].examples)) else variant for variant in using]
    said = [Statement(some_names(shown), tuple(evidence.of_suite(variant, "recipe") for variant in using))]
    scored = {v: score for v in known if (score := evidence.score(v)) is not None}
    without = [variant for variant in scored if variant not in using]
    with_it = [variant for variant in scored if variant in using]
    if with_it and without:
        one, other = (max(names, key=scored.__getitem__) for names in (with_it, without))
        out = "; none without them may be the best" if not set(without) & set(evidence.best) else ""
        text = f"with {name} at most {_score(scored[one])} ({one}), without {_score(scored[other])} ({other}){out}"
        said.append(Statement(text, (evidence.of_summary(one, "score"), evidence.of_summary(other, "score"))))
    return Question(name, asked, "yes", tuple(said))


def _retrieval(evidence: Evidence, ceilings: Mapping[str, Ceiling]) -> Question:
    question = _lever(evidence, "retrieval", "Has retrieval been added?", lambda recipe: recipe.has_context)
    said = tuple(Statement(line, (evidence.of_lint("retrieval"),)) for line in retrieval_lines(evidence.lint.retrieval))
    question = question._replace(statements=(*question.statements, *said))
    missed = total(ceilings)
    n_missed = missed.n - missed.right
    if question.answer != "not tried" or missed.not_in_document >= _KNOWLEDGE * max(1, n_missed):
        return question
    where = ("suites[*].cases[*].fields", "suites[*].cases[*].input")
    if n_missed and n_missed == missed.unsearchable:
        said = (
            *question.statements,
            Statement(f"none of {counted(n_missed, 'missed value')} can be looked for", where),
        )
        return question._replace(answer="cannot tell", statements=said)
    text = "some variant gets every value right: passages could add nothing"
    if n_missed:
        text = (
            f"of the {n_missed} values that no variant gets right, {missed.not_in_document} are not in their document: "
            "passages could add little"
        )
    return question._replace(answer="not needed", statements=(*question.statements, Statement(text, where)))


def _clean(evidence: Evidence) -> Question:
    asked = "Is the data clean?"
    report = evidence.lint
    open_findings = [finding for finding in report.findings if finding.kind not in _HARMLESS]
    cases = {case for finding in open_findings for case in finding.cases}
    source = (evidence.of_lint("counts"), evidence.of_lint("n_documents"))
    if not open_findings and not report.n_texts:
        where = evidence.of_suite(evidence.primary.variant, "cases[*].input")
        said = Statement("no document is text here, so that lints saw nothing but labels", (where,))
        return Question("clean data", asked, "cannot tell", (said,))
    if not open_findings:
        settled = f", {report.n_settled} settled" if report.n_settled else ""
        return Question("clean data", asked, "yes", (Statement(f"no open finding{settled}", source),))
    kinds = ", ".join(f"{kind.replace('_', ' ')} {n}" for kind, n in report.counts.items() if kind not in _HARMLESS)
    text = f"open findings in {len(cases)} of {report.n_documents} documents ({kinds}); `llm-extract lint` lists them"
    is_clean = not report.errors and len(cases) <= _CLEAN * report.n_documents
    return Question("clean data", asked, "yes" if is_clean else "no", (Statement(text, source),))


def _gap(evidence: Evidence, gaps: Sequence[Gap]) -> Question:
    asked = "Is the gap to the target significant?"
    if not gaps:
        why = "no target: name one with --target, or as floors at the suite"
        return Question("gap", asked, "cannot tell", (Statement(why),))
    said = []
    below = [gap for gap in gaps if gap.verdict == "below"]
    if below:
        shown = ", ".join(f"{gap.field} ≤{percent(gap.upper, 3)} of {percent(gap.target, 3)}" for gap in below[:4])
        more = f" and {len(below) - 4} more" if len(below) > 4 else ""
        sources = tuple(evidence.of_field(gap.variant, gap.field, "interval[1]") for gap in below)
        said.append(Statement(f"{len(below)} of {len(gaps)} fields are below it beyond noise: {shown}{more}", sources))
    still_open = [gap for gap in gaps if gap.verdict == "open"]
    if still_open:
        shown = ", ".join(f"{gap.field} ({_needed(gap)})" for gap in still_open[:4])
        sources = tuple(evidence.of_field(gap.variant, gap.field, "interval[1]") for gap in still_open)
        text = f"in {len(still_open)} more it may be noise; cases that would decide: {shown}"
        said.append(Statement(text if below else text.replace(" more", "", 1), sources))
    reached = [gap for gap in gaps if gap.verdict == "reached"]
    if reached:
        sources = tuple(evidence.of_field(evidence.leader, gap.field, "accuracy") for gap in reached)
        text = f"{evidence.leader} reaches it in {len(reached)} of {len(gaps)} fields"
        said.append(Statement(text, sources))
    return Question("gap", asked, "yes" if below else "cannot tell" if still_open else "no", tuple(said))


def _needed(gap: Gap) -> str:
    return "more than 20,000" if gap.n_needed is None else f"about {gap.n_needed:,}"


def _score(share: float) -> str:
    return f"{share * 100:.1f}%"
