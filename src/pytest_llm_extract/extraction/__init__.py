"""One case, from its call to its result."""
