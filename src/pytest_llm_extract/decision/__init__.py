"""Whether fine-tuning is due, from a suite's own results. Pure functions of results, comparisons and lints."""
