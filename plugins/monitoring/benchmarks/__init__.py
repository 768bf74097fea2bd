"""Measures recorders and declarations."""
