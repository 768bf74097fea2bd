"""The comparison of recordings with each other."""
