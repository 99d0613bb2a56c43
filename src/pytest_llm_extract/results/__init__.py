"""Values for the outcomes of leaves, cases and suites."""
