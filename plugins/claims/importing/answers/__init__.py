"""Imports of what a platform answers to the rows of a file that people took there."""
