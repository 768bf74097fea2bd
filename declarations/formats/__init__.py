"""Formats of declarations; each writes the same facts in one society's layout."""
