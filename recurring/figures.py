"""The figures of items."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Max, Min

from accounts.reach import working_for
from recurring.models import Occurrence, UnknownItem


def refresh_figures(items: Iterable[UnknownItem]) -> None:
    """Count the occurrences of items again, and save the figures."""
    with working_for(None):
        for item in items:
            found = Occurrence.objects.filter(item=item).aggregate(
                plays=Count("pk"),
                first=Min("file__scanned_file__created_at"),
                last=Max("file__scanned_file__created_at"),
            )
            item.plays = found["plays"]
            item.weight_ms = item.plays * item.length_ms
            item.first_at, item.last_at = found["first"], found["last"]
            item.save(update_fields=["plays", "weight_ms", "first_at", "last_at"])
