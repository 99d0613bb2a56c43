"""Accepted answers: the file, where it is found, how it is written."""
