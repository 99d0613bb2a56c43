"""`llm-extract`: work that needs no pytest run. Subcommands are in files that are imported when they are called."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

import click

from pytest_llm_extract.cli.output import echo, echo_error, print_what_can_be_printed
from pytest_llm_extract.errors import LlmExtractError, did_you_mean

_COMMANDS = {
    "audit": "list what this branch changed about its own judge, against git:REV",
    "adopt": "take over recordings of pytest-recording, pytest-vcr or vcrpy as cassettes of cases",
    "check": "find what is wrong with cassettes: stale, orphaned, unreadable, oversized, secrets",
    "codequality": "render results.json as Code Quality for merge requests of GitLab",
    "collect": "write what batches of a provider answered as cassettes",
    "compare": "compare variants, runs or scored files: which may be the best, and on which field",
    "decide": "say from results whether fine-tuning is due, and what to try first",
    "diff": "compare two results.json, two baselines or two git revisions",
    "export": "write training data for fine-tuning that cannot leak",
    "html": "render results.json as a page for a browser",
    "lint": "find what is wrong with golden data and few-shot examples",
    "markdown": "render results.json as Markdown, for a job summary or a pull request",
    "merge": "add up the results.json of shards, and gate the whole",
    "mv": "move cassettes, baseline and anchor of a suite that was renamed or moved",
    "score": "score a file of predictions against gold, without pytest",
}
_RENDERS = ("codequality", "html", "markdown")  # in one file; any other command is `command` in a file of its name
_CRASHED = 4  # not 1, which is a failed gate


class _Commands(click.Group):
    """Loads a subcommand when it is named, so that help and errors appear at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            if hint := did_you_mean(cmd_name, _COMMANDS):
                raise click.UsageError(f"No such command {cmd_name!r}.{hint}", ctx)
            return None
        file, name = ("render", cmd_name) if cmd_name in _RENDERS else (cmd_name, "command")
        command: click.Command = getattr(importlib.import_module(f"pytest_llm_extract.cli.{file}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LlmExtractError as error:
            echo_error(f"llm-extract: {error}")
            sys.exit(2)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception:
            echo(*traceback.format_exc().splitlines(), err=True)
            echo("llm-extract: this is a fault of llm-extract itself; please report it", err=True)
            sys.exit(_CRASHED)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        print_what_can_be_printed()
        return super().main(*args, **kwargs)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-llm-extract")
def main() -> None:
    """Compare, merge and score LLM extraction results, and take over recordings.

    Exit status: 0 all is well, 1 a gate failed, or something was lost or not adopted, 2 wrong arguments or unreadable
    input, 3 (score, and merge of its parts) records of the two files do not match, 4 the command itself is at fault.
    """
