"""The landmark index of this installation, and the landmarks it was built from.

The index can always be built anew from the stored fingerprints; they are the truth.
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

# A minute of landmarks is about 15 kB; candidates of one file are looked at again
# and again, those of the next are mostly others.
_CACHED_RECORDINGS = 512
# An hour of recordings takes 0.4 MB: room for several catalogues that are swept.
_KEPT_BYTES = 100 << 20

logger = logging.getLogger(__name__)

_REBUILD = "rebuild it with: manage.py rebuild_index"


@lru_cache(maxsize=1)
def open_index_at(root: Path) -> SegmentStore:
    """Return the index in a folder; ``ParamsMismatch`` for one of another engine."""
    return SegmentStore(
        root, params_hash=DEFAULT.index_hash(), rebuild_command=_REBUILD
    )


@lru_cache(maxsize=1)
def open_clickhouse(url: str) -> ClickHouseStore:
    """Return the index in ClickHouse, likewise."""
    return ClickHouseStore(
        parse_index_url(url),
        params_hash=DEFAULT.index_hash(),
        rebuild_command=_REBUILD,
    )


def index_folder() -> Path:
    """Return where the index lies, unless it is in ClickHouse."""
    folder: Path = settings.ACRPORTAL_DATA_DIR / "index"
    return folder


def open_index() -> IndexStore:
    """Return the index, opened once per process."""
    if settings.INDEX_URL:
        return open_clickhouse(settings.INDEX_URL)
    return open_index_at(index_folder())


def successor(*, resume: bool) -> tuple[IndexStore, Callable[[], None]]:
    """Return an index beside the one in use, and what puts it in its place.

    It is empty, or with ``resume`` what an earlier one was filled with so far.
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

    Raises ``ParamsMismatch`` for those of another engine.
    """
    recording = Recording.objects.only("fingerprint").get(pk=recording_id)
    stored = fingerprint_file.from_bytes(read_bytes(recording.fingerprint))
    return reference_layer(stored, DEFAULT)


def references_of(bucket_ids: Sequence[int]) -> References:
    """Return what a scan reads of some buckets' recordings.

    For the length of the scan, landmarks are remembered; where all recordings have
    theirs, for longer.
    """
    one = lru_cache(maxsize=_CACHED_RECORDINGS)(load_landmarks)

    def every() -> Iterator[Places]:
        searchable = Recording.objects.filter(
            bucket_id__in=bucket_ids, status=RecordingStatus.READY
        )
        told = searchable.order_by("pk").values_list("pk", "audio_sha256")
        for pk, sha256 in told:
            try:
                yield _places(pk, sha256)
            except (Recording.DoesNotExist, OSError, RecognitionError) as error:
                # Gone meanwhile, or damaged, which the checks of the index report: it
                # can still be found by what the index holds of it.
                logger.warning("recording %s is left out of a sweep: %s", pk, error)

    return References(one, every)


@cached(
    LRUCache(_KEPT_BYTES, getsizeof=lambda one: one.cells.nbytes + one.bins.nbytes),
    lock=Lock(),
)
def _places(recording_id: int, _sha256: str) -> Places:
    """Return where a recording has its landmarks; other audio, other places."""
    return places_of(recording_id, load_landmarks(recording_id))


def postings_of(recording: Recording) -> Postings:
    """Return what the index keeps of a recording."""
    hashes, frames = reference_hashes(load_landmarks(recording.pk), DEFAULT)
    return recording.pk, hashes, frames


def index_recording(recording: Recording) -> None:
    """Put a recording's stored landmarks into the index; replaces earlier ones."""
    open_index().add_many(recording.bucket_id, [postings_of(recording)])


def remove_recording(recording: Recording) -> None:
    """Take a recording out of the index; it is not found from the next query on."""
    open_index().remove(recording.bucket_id, recording.pk)
