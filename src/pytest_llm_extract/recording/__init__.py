"""Plan and record what is missing or stale, within a pace and a budget."""
