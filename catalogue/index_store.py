"""The landmark index of this installation, and the landmarks it was built from.

The index can always be built anew from the stored fingerprints; they are the truth.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from catalogue.models import Recording, RecordingStatus
from common.storage import read_bytes
from recognition import fingerprint as fingerprint_file
from recognition.errors import MissingLayer
from recognition.hashes import reference_hashes
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.types import LandmarkIndex, Landmarks, ReferenceLoader

# A minute of landmarks is about 15 kB; candidates of one file are looked at again
# and again, those of the next are mostly others.
_CACHED_RECORDINGS = 512


@lru_cache(maxsize=1)
def _store_at(root: Path) -> SegmentStore:
    return SegmentStore(root, params_hash=DEFAULT.shape_hash())


def open_index() -> LandmarkIndex:
    """Return the index, opened once per process."""
    return _store_at(settings.ACRPORTAL_DATA_DIR / "index")


def load_landmarks(recording_id: int) -> Landmarks:
    """Return the stored reference landmarks of a recording."""
    recording = Recording.objects.only("fingerprint").get(pk=recording_id)
    stored = fingerprint_file.from_bytes(read_bytes(recording.fingerprint))
    if stored.reference is None:
        raise MissingLayer("reference")
    return stored.reference


def reference_loader() -> ReferenceLoader:
    """Return a loader that remembers what it read, for the length of one scan."""
    return lru_cache(maxsize=_CACHED_RECORDINGS)(load_landmarks)


def index_recording(recording: Recording) -> None:
    """Put a recording's stored landmarks into the index; replaces earlier ones."""
    hashes, frames = reference_hashes(load_landmarks(recording.pk), DEFAULT)
    open_index().add(recording.bucket_id, recording.pk, hashes, frames)


def remove_recording(recording: Recording) -> None:
    """Take a recording out of the index; it is not found from the next query on."""
    open_index().remove(recording.bucket_id, recording.pk)


def rebuild_bucket(bucket_id: int) -> int:
    """Put every searchable recording of a bucket into the index anew; return how many."""
    rows = Recording.objects.filter(
        bucket_id=bucket_id, status=RecordingStatus.READY
    ).exclude(fingerprint="")
    count = 0
    for recording in rows.iterator(chunk_size=200):
        index_recording(recording)
        count += 1
    return count
