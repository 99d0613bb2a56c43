"""What of a request and its answer may be stored."""
