"""Finds what differs between a platform and the portal; writes nothing.

Each function looks at some rows and returns what differs about them now, so that a full
comparison and one of a few rows say the same.
"""
