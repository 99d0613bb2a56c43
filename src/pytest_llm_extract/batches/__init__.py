"""Record in the batches of a provider: half the price, and answers within a day."""
