"""Variants of one suite, compared on the cases that all of them have. Pure functions of results."""
