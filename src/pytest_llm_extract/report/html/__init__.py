"""The results as a page for a browser: complete without script, fast with it."""
