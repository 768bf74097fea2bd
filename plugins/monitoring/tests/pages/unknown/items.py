"""Unknown items with occurrences, as the search for repeated sound makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from plugins.monitoring.tests.factories.unknown import few_landmarks
from plugins.monitoring.unknown.figures import refresh_figures
from plugins.monitoring.unknown.models import KeptFile, KeptState, Occurrence, UnknownItem
from scanning.models import Container, ScannedFile
from tests.factories.scanning import ContainerFactory, ScannedFileFactory

FIRST = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def kept_file(container: Container, *, days: int = 0) -> KeptFile:
    """Return a compared file that arrived this many days after the first."""
    file = ScannedFileFactory.create(container=container)
    ScannedFile.objects.filter(pk=file.pk).update(created_at=FIRST + timedelta(days=days))
    return KeptFile.objects.create(
        scanned_file=file, state=KeptState.COMPARED, unmatched_ms=120_000
    )


def make_item(*containers: Container, length_ms: int = 30_000, **columns: object) -> UnknownItem:
    """Return an item that sounds once in a new file of each container, in order."""
    places = containers or (ContainerFactory.create(),) * 2
    kept_files = [kept_file(container, days=day) for day, container in enumerate(places)]
    item = UnknownItem.objects.create(
        length_ms=length_ms,
        best_file=kept_files[0],
        best_start_ms=60_000,
        best_end_ms=60_000 + length_ms,
        landmarks=few_landmarks(),
        **columns,
    )
    for file in kept_files:
        Occurrence.objects.create(
            item=item,
            file=file,
            start_ms=60_000,
            end_ms=60_000 + length_ms,
            item_start_ms=0,
            item_end_ms=length_ms,
            bits=80,
            score=90,
        )
    refresh_figures([item])
    return item
