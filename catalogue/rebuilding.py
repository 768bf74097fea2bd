"""Build a new landmark index beside the old one, then switch to it.

Needed after damage, and after an engine upgrade that changes the index. Stored
fingerprints suffice; if another engine made them or they are lost, they are made again
from the audio.
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

# Recordings per segment of the index: about an hour of audio of usual length.
_BATCH = 200


@dataclass(slots=True)
class Rebuilt:
    """The counts of a rebuild; ``kept`` were indexed by an earlier, interrupted
    rebuild.
    """

    kept: int = 0
    indexed: int = 0
    fingerprinted: int = 0
    failed: int = 0


# Recordings in the index, or about to be.
_COMING = (
    RecordingStatus.READY,
    RecordingStatus.PROCESSING,
    RecordingStatus.WAITING,
)


def needs_rebuild() -> bool:
    """Return whether the index is damaged or was built by another engine."""
    try:
        index_store.open_index()
    except IndexUnavailable:
        # An unreachable index is not damaged.
        raise
    except RecognitionError:
        return True
    return False


def rebuild_index(
    progress: Callable[[Rebuilt], None], *, resume: bool = False
) -> Rebuilt:
    """Index every searchable recording again; call ``progress`` after each batch.

    Readers use the old index until the new one is complete. A stopped rebuild leaves
    the old index unchanged, and the next one with ``resume`` continues it.
    """
    counts = Rebuilt()
    index, put_in_place = index_store.successor(resume=resume)
    _fill(index, counts, progress)
    put_in_place()
    # Catch up on recordings added or removed during the rebuild.
    _fill(index_store.open_index(), Rebuilt(), lambda _counts: None)
    return counts


def _fill(
    index: IndexStore, counts: Rebuilt, progress: Callable[[Rebuilt], None]
) -> None:
    """Make an index hold what it should; raise ``IndexCorrupt`` if it then does not."""
    for bucket in Bucket.objects.present().order_by("pk"):
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
        # Recordings whose fingerprint could not be made again are no longer searchable.
        wanted &= set(_searchable(bucket).values_list("pk", flat=True))
        if lost := wanted - set(index.recordings(bucket.pk).tolist()):
            raise IndexCorrupt(
                f"{len(lost)} recordings of {bucket} are missing from the new index."
            )


def _searchable(bucket: Bucket) -> QuerySet[Recording]:
    return Recording.objects.filter(bucket=bucket, status=RecordingStatus.READY)


def _postings(batch: list[Recording], counts: Rebuilt) -> Iterator[Postings]:
    for recording in batch:
        try:
            yield _postings_of(recording, counts)
        except (RecognitionError, AudioRefused, OSError) as error:
            if outage_of(error) is not None:
                # The storage is unreachable, so nothing is known to be lost.
                raise
            logger.exception("recording %s could not be indexed", recording.uid)
            # The filter leaves recordings alone that were retired meanwhile.
            _searchable(recording.bucket).filter(pk=recording.pk).update(
                status=RecordingStatus.ERROR,
                status_message="Its fingerprint is lost or incompatible and could "
                "not be made again. Upload the audio again.",
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
