"""Marker arguments become a `Suite`, checked once, at collection."""
