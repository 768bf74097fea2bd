"""Formats of platforms' reports: one folder each."""
