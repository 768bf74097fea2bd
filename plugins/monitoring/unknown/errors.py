"""Why an action on unknown items was not done; nothing was changed."""

from __future__ import annotations


class ItemRefused(Exception):
    """The action is impossible or not allowed; the text says why and what to do."""


class ItemChanged(ItemRefused):
    """The item has changed since the person saw it."""
