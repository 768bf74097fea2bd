"""Searches the stored fingerprints of earlier files for new recordings, in slices.

Its worker gives a search back after every slice, so that other work goes first.
Searching a file twice stores nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from django.db.models import QuerySet

import base.jobs.clock
from base.common.storage import read_bytes
from base.jobs.context import JobContext
from base.jobs.errors import WaitsUntil
from catalogue import index_store
from catalogue.models import Recording, RecordingStatus
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint_file
from recognition.relate.tracks import with_track
from recognition.search.retro import RetroIndex, search_back
from scanning import partition_scans, results, selectors
from scanning.engines import embedded
from scanning.fingerprints import kept_tracks
from scanning.models import RetroSearch, ScannedFile
from scanning.parts import surroundings_of

logger = logging.getLogger(__name__)

# Long enough to make the loading of the index worthwhile, short enough to let people go
# first.
SLICE_SECONDS = 20.0
_WRITE_SECONDS = 1.0


def run(context: JobContext) -> None:
    """Search files for one slice of time; the rest waits for the next one."""
    _Slice(context, context.subject).run()


@dataclass
class _Slice:
    """One slice of a search, with its caches and the progress not yet written."""

    context: JobContext
    search: RetroSearch
    recordings: dict[int, Recording] = field(default_factory=dict)
    indexes: dict[frozenset[int], RetroIndex | None] = field(default_factory=dict)
    hours: dict[frozenset[int], float] = field(default_factory=dict)
    buckets: dict[int, frozenset[int]] = field(default_factory=dict)
    began: float = field(default_factory=monotonic)
    written: float = field(default_factory=monotonic)

    def run(self) -> None:
        """Search file after file until the slice or the files end."""
        self.search.started_at = self.search.started_at or datetime.now(tz=UTC)
        self.recordings = {
            recording.pk: recording
            for recording in self.search.recordings.filter(status=RecordingStatus.READY)
        }
        for file in self._files():
            try:
                self._look_at(file)
            except WaitsUntil:  # for the scan of another part, or for other machines
                self.context.write(**self._columns())
                raise
            # Files are read in key order, so this one number is enough to resume.
            self.search.reached = file.pk
            self.search.files_done += 1
            self.search.sound_ms += file.length_ms
            now = monotonic()
            is_over = now - self.began >= SLICE_SECONDS
            if is_over or now - self.written >= _WRITE_SECONDS:
                self.context.write(**self._columns())
            self.context.report(self.search.progress / 100)
            if is_over:
                self.context.wait_until(base.jobs.clock.now())
        self.context.finish(finished_at=datetime.now(tz=UTC), **self._columns())

    def _files(self) -> Iterable[ScannedFile]:
        buckets = {recording.bucket_id for recording in self.recordings.values()}
        files: QuerySet[ScannedFile] = selectors.files_with_landmarks(buckets)
        return (
            files.filter(
                # Files submitted after the search began are scanned against the new
                # recordings anyway.
                pk__gt=self.search.reached,
                created_at__lt=self.search.created_at,
            )
            .order_by("pk")
            .iterator(chunk_size=200)
        )

    def _look_at(self, file: ScannedFile) -> None:
        container = file.container
        if container.pk not in self.buckets:
            ids = container.buckets.present().values_list("pk", flat=True)
            self.buckets[container.pk] = frozenset(ids)
        searched = self.buckets[container.pk]
        # Containers with the same buckets share one index and one chance level.
        index = self._index(searched)
        if index is None:
            return
        try:
            query = fingerprint_file.from_bytes(read_bytes(file.fingerprint))
            around = surroundings_of(file)
            search = partial(
                search_back,
                index=index,
                hours=self.hours[searched],
                policy=embedded.scan_policy(container),
            )
            segments = [*search(query if around is None else around.widen(query))]
            for number, sound in kept_tracks(file):
                segments = with_track(number, search(sound), segments)
            recordings = embedded.by_recording(tuple(segments))
        except (RecognitionError, OSError) as error:
            # One unreadable fingerprint must not stop the search of all other files.
            logger.warning("%s cannot be searched again: %s", file.uid, error)
            self.search.files_unreadable += 1
            return
        if recordings and around is not None:
            recordings = around.own(recordings)
        if recordings:
            self.search.found += results.store_late_finds(
                scanned_file=file, search=self.search, recordings=recordings
            )

    def _index(self, buckets: frozenset[int]) -> RetroIndex | None:
        """Return an index of the searched recordings in these buckets; None if none."""
        if buckets not in self.indexes:
            # Scores depend on the size of the catalogue searched, not only on the new
            # recordings.
            self.hours[buckets], _state = partition_scans.size_of([*buckets])
            references = {
                recording.pk: index_store.load_landmarks(recording.pk)
                for recording in self.recordings.values()
                if recording.bucket_id in buckets
            }
            self.indexes[buckets] = RetroIndex.of(references) if references else None
        return self.indexes[buckets]

    def _columns(self) -> dict[str, object]:
        """Return the search's progress as columns of its row."""
        now = monotonic()
        self.search.busy_ms += round(1000 * (now - self.written))
        self.written = now
        return {
            name: getattr(self.search, name)
            for name in (
                "started_at",
                "reached",
                "files_done",
                "files_unreadable",
                "sound_ms",
                "busy_ms",
                "found",
            )
        }
