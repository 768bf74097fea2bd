"""Suggestions for missing metadata, from open data that the operator downloads once."""
