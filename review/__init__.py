"""Decisions about matches, by people, licences and policies, with their reasons."""
