"""Imports of rights: readers, check readers that share no code with them, and jobs."""
