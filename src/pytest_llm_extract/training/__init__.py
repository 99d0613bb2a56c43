"""Golden data becomes training data for fine-tuning, without anything that a suite is judged by."""
