"""A pydantic type as the tree of its leaves, and how gold and answers are read by it."""
