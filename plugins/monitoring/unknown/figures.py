"""The figures of unknown items, as lists show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Count, F, Max, Min

from plugins.monitoring.unknown.models import ContainerPlays, Occurrence, UnknownItem
from scanning.models import ScannedFile

_FILE = "file__scanned_file"


def refresh_figures(items: Iterable[UnknownItem]) -> None:
    """Count the occurrences of items again, in the rows and the objects given.

    Call it in the transaction that changes occurrences or lengths.
    """
    rows = {item.pk: item for item in items}
    counted: dict[int, list[ContainerPlays]] = defaultdict(list)
    for figures in (
        Occurrence._base_manager.filter(item__in=rows)
        .order_by()
        .values("item_id", container_id=F(f"{_FILE}__container"))
        .annotate(
            plays=Count("pk"),
            files=Count("file", distinct=True),
            first_at=Min(f"{_FILE}__created_at"),
            last_at=Max(f"{_FILE}__created_at"),
        )
    ):
        counted[figures["item_id"]].append(ContainerPlays(**figures))
    for key, item in rows.items():
        item.plays = sum(row.plays for row in counted[key])
        item.weight_ms = item.plays * item.length_ms
        # An item that no longer occurs keeps the times at which it did.
        if counted[key]:
            item.first_at = min(row.first_at for row in counted[key])
            item.last_at = max(row.last_at for row in counted[key])
    columns = ["plays", "weight_ms", "first_at", "last_at"]
    UnknownItem.objects.bulk_update(rows.values(), columns, batch_size=200)
    ContainerPlays._base_manager.filter(item__in=rows).delete()
    made = [row for figures in counted.values() for row in figures]
    ContainerPlays._base_manager.bulk_create(made, batch_size=500)


def follow_move(scanned_file: ScannedFile, **_signal: object) -> None:
    """Count a file's items for its new container, in the transaction that moved it."""
    refresh_figures(
        UnknownItem.objects.filter(occurrences__file__scanned_file=scanned_file).distinct()
    )
