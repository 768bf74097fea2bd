"""Decisions of people: the table of verbs, and the one way in which each is made."""
