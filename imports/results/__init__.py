"""Imports of results that another program found."""
