"""Moves of accounts into this portal, and trials of both engines side by side."""
