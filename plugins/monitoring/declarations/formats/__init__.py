"""Formats of declarations: one folder for each society's layout of the same facts."""
