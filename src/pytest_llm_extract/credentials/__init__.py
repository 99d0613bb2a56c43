"""Secrets in a text that is about to be written or shown; it knows nothing of how cassettes are scrubbed."""
