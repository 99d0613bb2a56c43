"""Show plan and progress of recording: on a terminal, in a log, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pytest_llm_extract import clock
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.recording.progress import Estimate, Progress, SuitePlan
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.report.write import write_lines
from pytest_llm_extract.results.prices import dollars
from pytest_llm_extract.wording import count_cases, count_cassettes, counted, some_names

_MANY_CALLS = 100  # of cases that go on: more than most extractors send
_LINE_S, _QUIET_LINE_S = 10.0, 60.0  # between two lines in a log, and with -q


def plan_lines(plans: Sequence[SuitePlan], *, in_batches: bool = False) -> list[str]:
    """What would be recorded, a paragraph for each suite; `in_batches`: with the price of batches too."""
    lines = []
    for plan in plans:
        lines.append(f"{plan.suite} ({plan.variant}): {_state(plan)}")
        lines += [f"  stale: {printable(cause, 200)} ({count_cassettes(count)})" for cause, count in plan.stale.items()]
        lines += [f"  not checked: {printable(why, 300)} ({count_cassettes(n)})" for why, n in plan.unshared.items()]
        lines += [f"  unreadable: {printable(problem, 300)}" for problem in plan.unreadable]
        if plan.orphans:
            shown = printable(some_names(plan.orphans, 3), 200)
            lines.append(f"  orphaned: {shown}: no case wants them (llm-extract check --prune)")
        if plan.moved_from:
            lines.append(f"  the suite moved: its cassettes fit: llm-extract mv {plan.moved_from} {plan.suite}")
        if plan.in_tests:
            lines.append(f"  {count_cases(plan.in_tests)} can only be checked and recorded by the tests themselves")
        if plan.waiting:
            lines.append(f"  {count_cassettes(plan.waiting)} of these wait for a batch: llm-extract collect")
        if plan.to_record:
            lines.append(f"  to record: {count_cassettes(plan.to_record)}; expected: {_expected(plan, in_batches)}")
        for variant, count in plan.shared.items():
            same = f"the requests are those of {visible(variant)} and are not sent again"
            lines.append(f"  to copy: {count_cassettes(count)}; {same}")
    n, shared = sum(plan.to_record for plan in plans), sum(plan.shared.total() for plan in plans)
    n_unshared = len({why for plan in plans for why in plan.unshared})
    answers = f"{counted(n_unshared, 'shared answer')} to record; what else is stale is known then"
    last = f"{count_cassettes(n)} to record" if n else answers if n_unshared else "nothing to record"
    return [*lines, last + (f", {count_cassettes(shared)} to copy" if shared else "")]


def asked_lines(asked: Mapping[str, Call]) -> list[str]:
    """What fixtures asked, by the name of the recording: fresh, recorded, or why not."""
    return [f"recording {visible(name)!r} of a fixture: {_asked(call)}" for name, call in asked.items()]


def _asked(call: Call) -> str:
    if call.problem is not None:
        return f"{call.status.value}: {printable(call.problem, 300)}; tests that use it cannot be planned without it"
    n, usage = len(call.facts.fingerprints), call.usage
    took = f", {counted(n, 'call')}, {counted(usage.input_tokens + usage.output_tokens, 'token')}"
    unmatched = printable(", ".join(path for path, is_there in call.ignored.items() if not is_there), 200)
    typo = f"; ignoring {unmatched}, which no request has: a typo?" if unmatched else ""
    return (f"recorded{took}, {dollars(call.cost_usd)}" if call.recorded else "fresh") + typo


def _state(plan: SuitePlan) -> str:
    counts = {
        "fresh": plan.fresh,
        "stale": plan.stale.total(),
        "missing": plan.missing,
        "not checked": plan.unshared.total(),
        "unreadable": len(plan.unreadable),
        "orphaned": len(plan.orphans),
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count or name == "fresh")


def _expected(plan: SuitePlan, in_batches: bool) -> str:
    if plan.expected is None:
        return "tokens and cost unknown, since no earlier recording reports them"
    least = "at least " if plan.is_at_least else "about "
    half = f", in batches {dollars(plan.expected.in_batches.cost_usd)}" if in_batches else ""
    return least + amount_words(plan.expected) + half


def amount_words(amount: Estimate) -> str:
    """`12 calls, 3,400 tokens in and 120 out, $0.0123`."""
    tokens = f"{amount.usage.input_tokens:,} tokens in and {amount.usage.output_tokens:,} out"
    return f"{counted(round(amount.calls), 'call')}, {tokens}, {dollars(amount.cost_usd)}"


class Display:
    """A place that shows what a recording run does; this one shows nothing."""

    def lines(self, lines: Sequence[str]) -> None:
        """Show these lines."""

    def progress(self, suite: str, progress: Progress) -> None:
        """Show how far a suite is; called often."""

    def end(self) -> None:
        """End the progress display for now."""


class Log(Display):
    """Plain lines, one in `every_s` seconds; `reporter` is pytest's own. They are written within `uncaptured`."""

    every_s = _LINE_S

    def __init__(self, reporter: Any, uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._reporter, self._uncaptured = reporter, uncaptured
        self._next = clock.monotonic_s() + self.every_s

    def lines(self, lines: Sequence[str]) -> None:
        """Show these lines, on lines of their own."""
        with self._uncaptured():
            write_lines(self._reporter, lines)
            self._reporter.flush()

    def progress(self, suite: str, progress: Progress) -> None:
        """Write a line now and then."""
        if clock.monotonic_s() >= self._next:
            self._next = clock.monotonic_s() + self.every_s
            Log.lines(self, [f"recording {suite}: {progress_words(progress)}"])


class Quiet(Log):
    """The display with -q: a line a minute, so that a long recording does not look like a hung one."""

    every_s = _QUIET_LINE_S

    def lines(self, lines: Sequence[str]) -> None:
        """Show no plan and no summary."""


class Bar(Log):
    """A progress bar on a terminal, removed when its suite is done."""

    def __init__(self, reporter: Any) -> None:
        super().__init__(reporter)
        self._shown: Any = None
        self._task: Any = None

    def progress(self, suite: str, progress: Progress) -> None:
        """Move the bar."""
        if self._shown is None:
            self._begin(suite, progress.total)
        words = progress_words(progress)
        self._shown.update(self._task, completed=progress.done + progress.failed, words=words)

    def _begin(self, suite: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("recording {task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[words]}"),
        )
        self._shown = RichProgress(
            *columns, console=Console(file=self._reporter._tw._file, force_terminal=True), transient=True
        )
        self._task = self._shown.add_task(visible(suite.rpartition("::")[2]), total=total, words="")
        self._shown.start()

    def end(self) -> None:
        """Remove the bar."""
        if self._shown is not None:
            self._shown.stop()
        self._shown = None


def progress_words(progress: Progress) -> str:
    """`12/120, 1 failed, 3,400 tokens, $0.0123, 20 s left`, and what is tried again."""
    words = [f"{progress.done + progress.failed:,}/{progress.total:,}"]
    if progress.failed:
        words.append(f"{progress.failed:,} failed")
    words += [_tokens(progress), dollars(progress.cost_usd)]
    if progress.open_calls >= _MANY_CALLS:
        words.append(f"{progress.open_calls:,} calls by cases that go on")
    if progress.left_s is not None and progress.done + progress.failed < progress.total:
        words.append(f"{progress.left_s:.0f} s left")
    if progress.retry is not None:
        failed = "1 try failed" if progress.retries == 1 else f"{progress.retries:,} tries failed"
        words.append(f"{failed}, the next in {progress.retry_in_s or 0:.0f} s: {printable(progress.retry, 160)}")
    return ", ".join(words)


def _tokens(progress: Progress) -> str:
    """The tokens so far; unknown where answers came that report none."""
    is_unknown = not progress.tokens and progress.cost_usd is None
    return "tokens unknown" if is_unknown else counted(progress.tokens, "token")


def summary_lines(suite: str, progress: Progress, n_calls: int, took_s: float, ended: str | None) -> list[str]:
    """Summarize a suite's recording. `ended` says why it stopped early; None if it did not."""
    took = f"{counted(n_calls, 'call')}, {_tokens(progress)}, {dollars(progress.cost_usd)}, {took_s:.1f} s"
    lines = [f"{suite}: recorded {progress.done:,} of {progress.total:,}; {took}"]
    if progress.failed:
        why = f": {printable(ended, 300)}" if ended else ""
        lines.append(f"  {count_cassettes(progress.failed)} not recorded{why} (run again to continue)")
    return lines
