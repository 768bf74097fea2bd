"""Imports in two steps: of recordings from a table, of another program's results."""
