"""Run one case, from its call to its result."""
