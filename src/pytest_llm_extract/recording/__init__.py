"""Recording: what is to be recorded, at what pace and for how much, and what came of it."""
