"""This machine's copy of the landmark index, and the landmarks it was built from.

The stored fingerprints are the truth; every copy can be built from them. ``following``
opens the copy for searches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from base.common.outages import outage_of
from base.common.storage import read_bytes
from catalogue import partitions
from catalogue.models import Recording
from catalogue.partitions import Partition
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.file_format import reference_layer
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.interface import IndexStore
from recognition.index.places import References, places_of
from recognition.index.segment import Postings
from recognition.index.store import STORE, SegmentStore
from recognition.params import DEFAULT
from recognition.partitioned.union import PartitionedIndex
from recognition.types import NO_LANDMARKS, Landmarks

# A minute of landmarks is about 15 kB. The candidates of one file are read repeatedly;
# those of the next file are mostly others.
_CACHED_RECORDINGS = 512

logger = logging.getLogger(__name__)

# Goes into error messages that tell operators what to do.
_REBUILD = "rebuild it with: manage.py rebuild_index"


def index_folders() -> list[Path]:
    """Return the folder of each partition of the index that this machine holds."""
    return [partition.folder for partition in partitions.held()]


def open_folder(folder: Path) -> SegmentStore:
    """Return the index in a folder as it is, however late; opened once per process.

    Raises ``IndexCorrupt`` if there is none, and ``ParamsMismatch`` if another engine
    built it.
    """
    return _open(folder, identity(folder))


def together(parts: Mapping[Partition, SegmentStore]) -> IndexStore:
    """Return the indexes of all partitions as one.

    Raises ``IndexPartial`` if some are missing.
    """
    every = partitions.every()
    if sorted(parts) != every:
        raise partitions.elsewhere()
    if len(every) == 1:
        return parts[every[0]]
    return PartitionedIndex({partition.number: parts[partition] for partition in every}, len(every))


def create_folder(folder: Path) -> SegmentStore:
    """Return the index in a folder, which is made empty if there is none."""
    if not (folder / STORE).exists():
        SegmentStore(folder, params_hash=DEFAULT.index_hash())
    return open_folder(folder)


# The index of each partition, and one that is built beside.
@lru_cache(maxsize=16)
def _open(root: Path, _identity: tuple[int, int] | None) -> SegmentStore:
    return SegmentStore(
        root, params_hash=DEFAULT.index_hash(), create=False, rebuild_command=_REBUILD
    )


def identity(folder: Path) -> tuple[int, int] | None:
    """Return a value that changes when another index takes the place of this one."""
    try:
        status = (folder / STORE).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def load_landmarks(recording_id: int) -> Landmarks:
    """Return the stored reference landmarks of a recording.

    Raises ``ParamsMismatch`` if another engine made them.
    """
    recording = Recording.objects.only("fingerprint").get(pk=recording_id)
    stored = fingerprint_file.from_bytes(read_bytes(recording.fingerprint))
    return reference_layer(stored, DEFAULT)


def references_of(bucket_ids: Sequence[int], index: IndexStore) -> References:
    """Return the references that a scan of some buckets reads, cached for the scan."""
    return References(kept_landmarks(), index.place_tables(bucket_ids))


def kept_landmarks() -> Callable[[int], Landmarks]:
    """Return a function that loads the landmarks of recordings, and keeps the latest.

    A recording that was deleted since, or whose fingerprint is damaged, is left out;
    the index check reports it. An outage of the storage is raised.
    """

    @lru_cache(maxsize=_CACHED_RECORDINGS)
    def load(recording_id: int) -> Landmarks:
        try:
            return load_landmarks(recording_id)
        except (Recording.DoesNotExist, OSError, RecognitionError) as error:
            if outage_of(error) is not None:
                raise
            logger.warning("recording %s is left out: %s", recording_id, error)
            return NO_LANDMARKS

    return load


def postings_of(recording: Recording) -> Postings:
    """Return the entries that the index stores for a recording."""
    landmarks = load_landmarks(recording.pk)
    hashes, frames = reference_hashes(landmarks, DEFAULT)
    return Postings(recording.pk, hashes, frames, places_of(landmarks))


def index_recording(recording: Recording) -> None:
    """Put a recording's stored landmarks into this machine's copy only."""
    held = partitions.held()
    folder = next(partition.folder for partition in held if partition.holds(recording.pk))
    open_folder(folder).add_many(recording.bucket_id, [postings_of(recording)])
