"""Remove everything from requests and answers that must not be stored."""
