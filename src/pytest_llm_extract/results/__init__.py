"""Values: what happened to leaves, cases and suites."""
