"""Cassette files: their layout, reading, writing, fingerprints, and why one is stale."""
