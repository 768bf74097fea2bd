"""Widgets of the dashboard about streams and unknown sound."""

from __future__ import annotations

from django.db.models import Count, Q

from monitoring.streams import selectors as stream_selectors
from monitoring.streams.choices import StreamState
from monitoring.unknown.selectors import minutes as unknown

__all__ = ["streams", "unknown"]


def streams() -> dict[str, int]:
    """Return how many streams there are, play something, and are away."""
    rows = stream_selectors.list_streams().order_by()
    counted = rows.aggregate(
        all=Count("pk"),
        away=Count("pk", filter=Q(enabled=True, state=StreamState.AWAY)),
    )
    playing = stream_selectors.now_playing().order_by()
    return counted | {"playing": playing.values("stream").distinct().count()}
