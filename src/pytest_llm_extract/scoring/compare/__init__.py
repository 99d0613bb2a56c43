"""Gold against prediction, leaf by leaf."""
