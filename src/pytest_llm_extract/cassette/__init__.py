"""Recorded HTTP exchanges: the only part of the package that knows vcrpy."""
