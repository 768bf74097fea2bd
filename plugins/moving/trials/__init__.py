"""Trials of this portal beside a cloud account."""
