"""The subcommands of `llm-extract`."""
