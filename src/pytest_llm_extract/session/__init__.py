"""pytest's hooks: collection, execution, and what the main process does with results."""
