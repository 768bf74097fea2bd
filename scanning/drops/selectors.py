"""Reads drops with what waits, was taken and failed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from scanning.choices import DropItemState
from scanning.models import Container, Drop, DropItem

_TAKEN = (DropItemState.TAKEN, DropItemState.KNOWN)


@dataclass(frozen=True, slots=True)
class WaitingFolder:
    """A subfolder without a container, and how many of its files wait."""

    name: str
    count: int


def drops() -> QuerySet[Drop]:
    """Return the drops of present containers."""
    rows = Drop.objects.filter(container__deleted_at__isnull=True)
    return rows.select_related("container", "created_by")


def with_counts(rows: QuerySet[Drop]) -> QuerySet[Drop]:
    """Add how many items wait, were taken and failed, of those the viewer may see."""
    # Subfolders can lead to containers that are hidden from the viewer.
    seen = Q(items__container__in=Container.objects.all())
    return rows.annotate(
        waiting=Count("items", filter=seen & Q(items__state=DropItemState.WAITING)),
        taken=Count("items", filter=seen & Q(items__state__in=_TAKEN)),
        failed=Count("items", filter=seen & Q(items__state=DropItemState.FAILED)),
    )


def items_of(drop: Drop) -> QuerySet[DropItem]:
    """Return the items of a drop that the viewer may see, newest first."""
    rows = DropItem.objects.filter(drop=drop)
    return rows.select_related("scanned_file", "container").order_by("-pk")


def counts_by_state(drop: Drop) -> dict[str, int]:
    """Return how many items the viewer may see, by state."""
    rows = DropItem.objects.filter(drop=drop).order_by().values_list("state")
    return dict(rows.annotate(total=Count("pk")))


def waiting_folders(drop: Drop) -> list[WaitingFolder]:
    """Return the subfolders without a container, those with most files first."""
    rows = DropItem.objects.filter(drop=drop, state=DropItemState.WAITING)
    named = rows.exclude(folder="").order_by().values_list("folder")
    totals = named.annotate(total=Count("pk")).order_by("-total", "folder")
    return [WaitingFolder(name, total) for name, total in totals[:100]]
