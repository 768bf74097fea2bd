"""Applies the claims of a message to records, one module for each kind of record."""
