"""Imports of recordings from a table, with their audio in a ZIP or behind links."""
