"""Intervals, exact tests, step-down, power: pure functions on the standard library."""
