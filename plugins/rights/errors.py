"""Why an action on works, parties, shares or conflicts was not done."""

from __future__ import annotations


class RightsRefused(Exception):
    """The action is impossible or not allowed; the text says why and what to do."""


class RightsChanged(RightsRefused):
    """The record has changed since the person saw it."""
