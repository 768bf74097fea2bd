"""What streams add to the dashboard."""

from __future__ import annotations

from django.db.models import Count, Q

from base.accounts.models import User
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import StreamState
from web.portal.shared.cards import Card


def _streams(_subject: None, _user: User) -> dict[str, int]:
    """Return how many streams there are, play something, and are away."""
    rows = selectors.list_streams().order_by()
    counted = rows.aggregate(
        all=Count("pk"), away=Count("pk", filter=Q(enabled=True, state=StreamState.AWAY))
    )
    playing = selectors.now_playing().order_by()
    return counted | {"playing": playing.values("stream").distinct().count()}


CARDS = (
    Card("dashboard", "portal/streams/_dashboard.html", _streams),
    Card("move.what", "portal/streams/_moves_help.html"),
)
