"""Options and the session's start. Nothing heavy is imported here: pytest loads this module in every run."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_llm_extract.session import fast_imports

_end_fast_imports = fast_imports.find_before_pytest()  # which the imports below are the first to profit by

from pytest_llm_extract import clock, hookspecs  # noqa: E402, F401  # before a test can freeze the time
from pytest_llm_extract.config import early, options  # noqa: E402
from pytest_llm_extract.session import collection, fixtures, trusted_flags  # noqa: E402
from pytest_llm_extract.session.stash import ONE_PROCESS, recording_run, settings_of  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare flags and ini names."""
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that a project can implement, and register ours."""
    pluginmanager.add_hookspecs(hookspecs)
    for plugin in (collection, fixtures):  # for pytest_plugins, pytest would look through all installed packages
        pluginmanager.register(plugin)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, object, object]:
    """Declare the short flag after all other plugins' flags. Let conftests build clients if the ini allows it."""
    options.add_short_flag(early_config, parser)
    if not early.conftests_may_build_clients(early_config):
        try:
            return (yield)
        except Exception as error:
            from pytest_llm_extract.credentials.placeholder_key import add_hint

            add_hint(getattr(error, "cause", None))  # of pytest's ConftestImportFailure
            raise
    from pytest_llm_extract.credentials.placeholder_key import placeholder_key

    with placeholder_key(early.CONFTEST):
        return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; imports are pytest's own again when the session ends."""
    _end_fast_imports()  # that of the first session of the process
    config.add_cleanup(fast_imports.find_before_pytest())
    for marker in options.MARKERS:
        config.addinivalue_line("markers", marker)
    if any("::" in argument for argument in config.args):
        from pytest_llm_extract.session.gate_tests import run_suites_of_gates

        run_suites_of_gates(config)
    if early.records(config):
        from pytest_llm_extract.credentials.placeholder_key import note_recording

        note_recording(records=True)
        config.add_cleanup(lambda: note_recording(records=False))
    if early.records(config) and getattr(config.option, "dist", "no") != "no":
        config.option.dist, config.option.tx = "no", []  # pytest-xdist looks at these later
        config.stash[ONE_PROCESS] = True


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Refuse options that leave out all tests of a run that is required to be complete."""
    if not hasattr(config, "workerinput"):
        trusted_flags.check_complete(config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Check the settings (not earlier: --help must work); in the main process, register the receiver."""
    config = session.config
    configured = early.is_configured(config)
    if configured:
        _check_settings(config)
    if not hasattr(config, "workerinput"):
        from pytest_llm_extract.session.receiver import Receiver

        trusted_flags.check_accept(config)
        config.pluginmanager.register(Receiver(session, configured=configured), "llm_extract_receiver")
    if early.records(config):
        _register_recorder(config)


def _check_settings(config: pytest.Config) -> None:
    from pytest_llm_extract.errors import LlmExtractError
    from pytest_llm_extract.formats.visible import visible_text

    try:
        settings = settings_of(config)
        if settings.baseline is not None:
            from pytest_llm_extract.baseline.find import given_file, revision_of

            _ = revision_of(settings) or given_file(settings)  # either is an error where it is not there
    except LlmExtractError as error:
        raise pytest.UsageError(visible_text(str(error))) from None


def _register_recorder(config: pytest.Config) -> None:
    from pytest_llm_extract.session.record_first import NoTests, Recorder, RecordFirst

    settings = settings_of(config)
    recorder = Recorder(settings, recording_run(config))
    kind = NoTests if settings.plan_only or settings.batch is not None else RecordFirst
    config.pluginmanager.register(kind(config, recorder), "llm_extract_recorder")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Report if the short flag belongs to another plugin, and if a recording run goes without workers."""
    lines = []
    if options.is_short_flag_taken(config):
        lines.append(f"llm-extract: {options.SHORT_FLAG} is pytest-mockllm's here; record with {options.LONG_FLAG}")
    if ONE_PROCESS in config.stash:
        lines.append("llm-extract: records in one process, with several calls at a time; -n is for replays")
    return lines
