"""The landmark index of this installation, and the landmarks it was built from.

The stored fingerprints are the truth; the index can always be rebuilt from them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

from cachetools import LRUCache, cached
from django.conf import settings

from catalogue.clickhouse.address import parse_index_url
from catalogue.clickhouse.store import ClickHouseStore
from catalogue.clickhouse.succession import index_beside
from catalogue.models import Recording, RecordingStatus
from common.storage import read_bytes
from recognition import fingerprint as fingerprint_file
from recognition.errors import RecognitionError
from recognition.hashes import reference_hashes
from recognition.index.segment import Postings
from recognition.index.store import SegmentStore
from recognition.layers import reference_layer
from recognition.params import DEFAULT
from recognition.references import References
from recognition.sweep import Places, places_of
from recognition.types import IndexStore, Landmarks

# A minute of landmarks is about 15 kB. The candidates of one file are read repeatedly;
# those of the next file are mostly others.
_CACHED_RECORDINGS = 512
# An hour of recordings takes 0.4 MB, so several catalogues fit that are small enough
# for the sweep.
_KEPT_BYTES = 100 << 20

logger = logging.getLogger(__name__)

# Goes into error messages that tell operators what to do.
_REBUILD = "rebuild it with: manage.py rebuild_index"


@lru_cache(maxsize=1)
def open_index_at(root: Path) -> SegmentStore:
    """Return the index in a folder; ``ParamsMismatch`` if another engine built it."""
    return SegmentStore(
        root, params_hash=DEFAULT.index_hash(), rebuild_command=_REBUILD
    )


@lru_cache(maxsize=1)
def open_clickhouse(url: str) -> ClickHouseStore:
    """Return the index in ClickHouse; ``ParamsMismatch`` if another engine built it."""
    return ClickHouseStore(
        parse_index_url(url),
        params_hash=DEFAULT.index_hash(),
        rebuild_command=_REBUILD,
    )


def index_folder() -> Path:
    """Return the folder of the index, unless it is in ClickHouse."""
    folder: Path = settings.ACRPORTAL_DATA_DIR / "index"
    return folder


def open_index() -> IndexStore:
    """Return the index, opened once per process."""
    if settings.INDEX_URL:
        return open_clickhouse(settings.INDEX_URL)
    return open_index_at(index_folder())


def successor(*, resume: bool) -> tuple[IndexStore, Callable[[], None]]:
    """Return an index beside the current one, and a function that makes it current.

    It is empty, or with ``resume`` holds what an interrupted rebuild had filled in.
    """
    if settings.INDEX_URL:
        return index_beside(
            parse_index_url(settings.INDEX_URL),
            params_hash=DEFAULT.index_hash(),
            rebuild_command=_REBUILD,
            resume=resume,
        )
    folder = index_folder()
    beside = folder.with_name("index.new")
    if not resume:
        shutil.rmtree(beside, ignore_errors=True)
    open_index_at.cache_clear()
    try:
        store = open_index_at(beside)
    except RecognitionError:
        # It was filled by another engine, or is damaged: start over.
        shutil.rmtree(beside)
        store = open_index_at(beside)

    def put_in_place() -> None:
        open_index_at.cache_clear()
        old = folder.with_name("index.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    return store, put_in_place


def load_landmarks(recording_id: int) -> Landmarks:
    """Return the stored reference landmarks of a recording.

    Raises ``ParamsMismatch`` if another engine made them.
    """
    recording = Recording.objects.only("fingerprint").get(pk=recording_id)
    stored = fingerprint_file.from_bytes(read_bytes(recording.fingerprint))
    return reference_layer(stored, DEFAULT)


def references_of(bucket_ids: Sequence[int]) -> References:
    """Return the references that a scan of some buckets reads.

    Landmarks of single recordings are cached for the scan; those of the sweep for the
    life of the process.
    """
    load = lru_cache(maxsize=_CACHED_RECORDINGS)(load_landmarks)

    def every() -> Iterator[Places]:
        searchable = Recording.objects.filter(
            bucket_id__in=bucket_ids, status=RecordingStatus.READY
        )
        keys = searchable.order_by("pk").values_list("pk", "audio_sha256")
        for pk, sha256 in keys:
            try:
                yield _places(pk, sha256)
            except (Recording.DoesNotExist, OSError, RecognitionError) as error:
                # It was deleted meanwhile, or is damaged, which the index check
                # reports. The other stages can still find it through the index.
                logger.warning("recording %s is left out of a sweep: %s", pk, error)

    return References(load, every)


@cached(
    LRUCache(
        _KEPT_BYTES, getsizeof=lambda places: places.cells.nbytes + places.bins.nbytes
    ),
    lock=Lock(),
)
def _places(recording_id: int, _sha256: str) -> Places:
    """Return a recording's landmarks for the sweep; the hash keys the cache by audio."""
    return places_of(recording_id, load_landmarks(recording_id))


def postings_of(recording: Recording) -> Postings:
    """Return what the index stores for a recording."""
    hashes, frames = reference_hashes(load_landmarks(recording.pk), DEFAULT)
    return recording.pk, hashes, frames


def index_recording(recording: Recording) -> None:
    """Put a recording's stored landmarks into the index; replaces earlier ones."""
    open_index().add_many(recording.bucket_id, [postings_of(recording)])


def remove_recording(recording: Recording) -> None:
    """Remove a recording from the index; the next query no longer finds it."""
    open_index().remove(recording.bucket_id, recording.pk)
