"""Builds the landmark index anew, beside the old one, then puts it in its place.

Needed after an engine upgrade that changes what the index holds, and after damage.
Stored fingerprints are enough; where these too are of another engine, they are made
again from the audio.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from catalogue import index_store
from catalogue.fingerprinting import refresh_fingerprint
from catalogue.models import Recording, RecordingStatus
from common.media_analysis import AudioRefused
from recognition.errors import RecognitionError
from recognition.index.segment import Postings

logger = logging.getLogger(__name__)

# A segment of the index at a time: about an hour of recordings of usual length.
_BATCH = 200


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did."""

    indexed: int = 0
    fingerprinted: int = 0
    failed: int = 0


def needs_rebuild() -> bool:
    """Tell whether the index is one of another engine, or damaged."""
    try:
        index_store.open_index()
    except RecognitionError:
        return True
    return False


def rebuild_index(progress: Callable[[Rebuilt], None]) -> Rebuilt:
    """Index every searchable recording anew; tell ``progress`` after each batch.

    Readers go on with the old index until the new one is whole. A rebuild that was
    stopped leaves the old one as it was.
    """
    folder = index_store.index_folder()
    beside = folder.with_name("index.new")
    shutil.rmtree(beside, ignore_errors=True)
    counts = Rebuilt()
    index_store.open_index_at.cache_clear()
    new_index = index_store.open_index_at(beside)
    buckets = Recording.objects.filter(status=RecordingStatus.READY)
    for bucket_id in buckets.order_by().values_list("bucket_id", flat=True).distinct():
        recordings = _searchable(bucket_id)
        while batch := list(islice(recordings, _BATCH)):
            new_index.add_many(bucket_id, list(_postings(batch, counts)))
            progress(counts)
    index_store.open_index_at.cache_clear()
    _swap(folder, beside)
    return counts


def _searchable(bucket_id: int) -> Iterator[Recording]:
    rows = Recording.objects.filter(bucket_id=bucket_id, status=RecordingStatus.READY)
    return rows.order_by("pk").iterator(chunk_size=_BATCH)


def _postings(batch: list[Recording], counts: Rebuilt) -> Iterator[Postings]:
    for recording in batch:
        try:
            yield _postings_of(recording, counts)
        except (RecognitionError, AudioRefused, OSError):
            logger.exception("recording %s is left out of the index", recording.uid)
            Recording.objects.filter(pk=recording.pk).update(
                status=RecordingStatus.ERROR,
                status_message="Its fingerprint is of another engine and could not be "
                "made again; add the audio anew.",
            )
            counts.failed += 1
        else:
            counts.indexed += 1


def _postings_of(recording: Recording, counts: Rebuilt) -> Postings:
    try:
        return index_store.postings_of(recording)
    except RecognitionError:
        if not recording.audio:
            raise
        refresh_fingerprint(recording)
        counts.fingerprinted += 1
        return index_store.postings_of(recording)


def _swap(folder: Path, beside: Path) -> None:
    old = folder.with_name("index.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
