"""Why an action on claims is refused."""

from __future__ import annotations


class ClaimsRefused(Exception):
    """The action is impossible; the message says why and what to do."""
