"""A raw answer becomes scored leaves: read, compared, explained."""
