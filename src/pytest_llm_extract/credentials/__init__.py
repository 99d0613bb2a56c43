"""Find secrets in text that is about to be written or shown."""
