"""What trials of engines add to the list of containers."""

from __future__ import annotations

from web.portal.shared.cards import Card

CARDS = (
    Card("container_list.actions", "portal/trials/_button.html"),
    Card("keys", "portal/trials/_keys.html"),
)
