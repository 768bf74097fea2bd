"""What declarations add to the pages of reports."""

from __future__ import annotations

from accounts.models import User
from portal.shared.cards import Card


def _tab(tab: str, _user: User) -> str:
    return tab


CARDS = (Card("reports.tabs", "portal/declarations/_tab.html", _tab),)
