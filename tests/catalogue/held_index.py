"""This machine's copy of the index as it is, which does not follow the catalogue."""

from __future__ import annotations

from catalogue import index_store, partitions
from catalogue.models import Recording
from recognition.index.interface import IndexStore


def open_held() -> IndexStore:
    """Return the copy of all partitions."""
    return index_store.together(
        {partition: index_store.open_folder(partition.folder) for partition in partitions.held()}
    )


def remove_from_held(recording: Recording) -> None:
    """Remove a recording from the copy only."""
    for partition in partitions.held():
        if partition.holds(recording.pk):
            index_store.open_folder(partition.folder).remove(recording.bucket_id, recording.pk)
