"""Hide secrets in pytest's reports: tracebacks with their locals, messages, captured output, properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.formats.visible import visible, visible_output, visible_text


def hide_in_report(report: Any, watch: Watch) -> None:
    """Hide secrets in a report of a test or collector, in place, and make control characters visible."""
    hide_in_other_report(report, watch)
    report.longrepr = _without(report.longrepr, visible_text)
    report.sections = [(title, visible_output(text)) for title, text in report.sections]
    if hasattr(report, "wasxfail"):
        report.wasxfail = visible(report.wasxfail)


def hide_in_other_report(report: Any, watch: Watch) -> None:
    """Hide secrets in the report of a test that is not a suite, in place."""
    report.longrepr = _without(report.longrepr, watch.hide)
    report.sections = [(title, watch.hide(text)) for title, text in report.sections]
    if hasattr(report, "wasxfail"):
        report.wasxfail = watch.hide(report.wasxfail)
    if getattr(report, "user_properties", None):
        report.user_properties = [(name, _shown(value, watch.hide)) for name, value in report.user_properties]


def _shown(value: Any, hide: Callable[[str], str]) -> Any:
    """The value of a property, or a replacement if the value holds a secret."""
    text = str(value)
    return value if (hidden := hide(text)) == text else hidden


def _without(shown: Any, hide: Callable[[str], str]) -> Any:
    """Hide secrets in an error's representation, which pytest builds of plain objects, lists and strings."""
    if isinstance(shown, str):
        return hide(shown)
    if isinstance(shown, list) and shown and all(isinstance(line, str) for line in shown):
        whole = "\n".join(shown)  # together, since a secret may have several lines
        return shown if (hidden := hide(whole)) == whole else hidden.split("\n")
    if isinstance(shown, list | tuple):
        return type(shown)([_without(item, hide) for item in shown])
    if type(shown).__module__.startswith("_pytest."):
        for name, value in vars(shown).items():
            setattr(shown, name, _without(value, hide))
    return shown
