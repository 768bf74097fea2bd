"""What callers of the library see: an index of recordings, sounds, comparisons, results."""
