"""Declarations from the command line."""
