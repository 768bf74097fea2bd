"""Imports of tables of broadcasts, and of tables of audiences."""
