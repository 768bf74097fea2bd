"""Undoes a whole import: walks back over its events, which hold what was before."""
