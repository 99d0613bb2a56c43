"""Settings from flags and inis, and where files are."""
