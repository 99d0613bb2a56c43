"""Compare the variants of a suite on their common cases. Pure functions of results."""
