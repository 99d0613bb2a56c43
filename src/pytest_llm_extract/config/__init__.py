"""Settings from flags and ini options, and the places of files."""
