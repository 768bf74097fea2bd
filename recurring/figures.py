"""The figures of unknown items, as lists show them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Max, Min

from recurring.models import Occurrence, UnknownItem


def refresh_figures(items: Iterable[UnknownItem]) -> None:
    """Count the occurrences of items again, in the rows and the objects given.

    Call it in the transaction that changes occurrences or lengths.
    """
    rows = {item.pk: item for item in items}
    arrived = "file__scanned_file__created_at"
    counted = Occurrence._base_manager.filter(item__in=rows).order_by().values("item")
    figures = {
        key: figures
        for key, *figures in counted.annotate(
            plays=Count("pk"), first=Min(arrived), last=Max(arrived)
        ).values_list("item", "plays", "first", "last")
    }
    for item in rows.values():
        plays, first, last = figures.get(item.pk, (0, None, None))
        item.plays, item.weight_ms = plays, plays * item.length_ms
        # An item that no longer occurs keeps the times at which it did.
        item.first_at, item.last_at = first or item.first_at, last or item.last_at
    columns = ["plays", "weight_ms", "first_at", "last_at"]
    UnknownItem.objects.bulk_update(rows.values(), columns, batch_size=200)
