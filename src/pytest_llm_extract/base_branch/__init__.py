"""What a branch changed about its own judge, in files: against the base branch, without running a test."""
