"""Builds the landmark index anew, beside the old one, then puts it in its place.

Needed after an engine upgrade that changes what the index holds, and after damage.
Stored fingerprints are enough; where these too are of another engine, or lost, they
are made again from the audio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.db.models import QuerySet

from catalogue import index_store
from catalogue.fingerprinting import refresh_fingerprint
from catalogue.models import Bucket, Recording, RecordingStatus
from common.media_analysis import AudioRefused
from common.outages import outage_of
from recognition.errors import IndexCorrupt, IndexUnavailable, RecognitionError
from recognition.index.segment import Postings
from recognition.types import IndexStore

logger = logging.getLogger(__name__)

# A segment of the index at a time: about an hour of recordings of usual length.
_BATCH = 200


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did; ``kept`` are those that an earlier, broken off one did."""

    kept: int = 0
    indexed: int = 0
    fingerprinted: int = 0
    failed: int = 0


# In the index, or about to be.
_COMING = (
    RecordingStatus.READY,
    RecordingStatus.PROCESSING,
    RecordingStatus.WAITING,
)


def needs_rebuild() -> bool:
    """Tell whether the index is one of another engine, or damaged."""
    try:
        index_store.open_index()
    except IndexUnavailable:
        raise
    except RecognitionError:
        return True
    return False


def rebuild_index(
    progress: Callable[[Rebuilt], None], *, resume: bool = False
) -> Rebuilt:
    """Index every searchable recording anew; tell ``progress`` after each batch.

    Readers go on with the old index until the new one is whole. A rebuild that was
    stopped leaves the old one as it was, and with ``resume`` the next one goes on
    where it stopped.
    """
    counts = Rebuilt()
    index, put_in_place = index_store.successor(resume=resume)
    _fill(index, counts, progress)
    put_in_place()
    # What came, and what was taken out, while the new one was not in use yet.
    _fill(index_store.open_index(), Rebuilt(), lambda _counts: None)
    return counts


def _fill(
    index: IndexStore, counts: Rebuilt, progress: Callable[[Rebuilt], None]
) -> None:
    """Make an index hold what it should; ``IndexCorrupt`` where it does not then."""
    for bucket in Bucket.objects.order_by("pk"):
        held = set(index.recordings(bucket.pk).tolist())
        coming = bucket.recordings.filter(status__in=_COMING)
        for number in sorted(held - set(coming.values_list("pk", flat=True))):
            index.remove(bucket.pk, number)
        wanted = set(_searchable(bucket).values_list("pk", flat=True))
        counts.kept += len(held & wanted)
        missing = iter(sorted(wanted - held))
        while numbers := list(islice(missing, _BATCH)):
            batch = list(_searchable(bucket).filter(pk__in=numbers).order_by("pk"))
            index.add_many(bucket.pk, list(_postings(batch, counts)))
            progress(counts)
        # Those that could not be made again are not searchable any more.
        wanted &= set(_searchable(bucket).values_list("pk", flat=True))
        if lost := wanted - set(index.recordings(bucket.pk).tolist()):
            raise IndexCorrupt(
                f"{len(lost)} recordings of {bucket} did not arrive in the index."
            )


def _searchable(bucket: Bucket) -> QuerySet[Recording]:
    return Recording.objects.filter(bucket=bucket, status=RecordingStatus.READY)


def _postings(batch: list[Recording], counts: Rebuilt) -> Iterator[Postings]:
    for recording in batch:
        try:
            yield _postings_of(recording, counts)
        except (RecognitionError, AudioRefused, OSError) as error:
            if outage_of(error) is not None:
                # Nothing is lost that cannot be read just now.
                raise
            logger.exception("recording %s is left out of the index", recording.uid)
            # What was retired meanwhile stays so.
            _searchable(recording.bucket).filter(pk=recording.pk).update(
                status=RecordingStatus.ERROR,
                status_message="Its fingerprint is lost or of another engine and could "
                "not be made again; add the audio anew.",
            )
            counts.failed += 1
        else:
            counts.indexed += 1


def _postings_of(recording: Recording, counts: Rebuilt) -> Postings:
    try:
        return index_store.postings_of(recording)
    except (RecognitionError, OSError):
        if not recording.audio:
            raise
        refresh_fingerprint(recording)
        counts.fingerprinted += 1
        return index_store.postings_of(recording)
