"""SUISA's radio report."""
