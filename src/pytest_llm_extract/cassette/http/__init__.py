"""HTTP during an extraction: routed to its cassette, replayed, recorded, or refused."""
