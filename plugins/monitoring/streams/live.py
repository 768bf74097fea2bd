"""Shows plays while they go on: every few seconds, over the last seconds of each stream.

One thread of a recorder searches all its streams in turn, with this machine's copy of the
index. Settled hours confirm or withdraw what it shows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from catalogue import following, index_store
from plugins.monitoring.streams import alarms, notices
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.clock import AnchoredClock, clock_of
from plugins.monitoring.streams.models import Airplay, Stream, StreamRun
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from recognition.errors import RecognitionError
from recognition.fingerprints.joined import GRID_MS
from recognition.index.interface import IndexStore
from recognition.index.places import References
from recognition.params import DEFAULT
from recognition.search import live
from recognition.search.policy import CaptureType
from recognition.types import SegmentMatch
from reports.plays import ALIGNED_MS
from scanning.models import Container

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 4.0
ENDS_AFTER_MS: Final = 12_000
"""A play ends after so long without evidence."""
# A play that ended this long ago and is heard again goes on.
_GOES_ON_MS: Final = 60_000


@dataclass(slots=True)
class LiveSearch:
    """Searches streams that this machine records; remembers how far each is searched."""

    _done: dict[str, int] = field(default_factory=dict)
    _references: dict[tuple[int, ...], References] = field(default_factory=dict)
    # Kept, because parsing a log again in each round would be slow.
    _logs: dict[str, LandmarkLog] = field(default_factory=dict)
    _reached: tuple[int, object] = (-1, None)

    def search(self, streams: Iterable[tuple[Stream, Path]]) -> None:
        """Search the newest sound of streams, each with the folder of its landmarks."""
        heard = [
            (stream, run, folder) for stream, folder in streams for run in _runs_to_hear(stream)
        ]
        self._logs = {
            run.uid: self._logs.get(run.uid) or LandmarkLog(folder, run.uid)
            for _stream, run, folder in heard
        }
        self._done = {uid: ms for uid, ms in self._done.items() if uid in self._logs}
        if not heard:
            return
        try:
            with following.searched_index() as (index, position):
                folders = index_store.index_folders()
                reached = (position, tuple(map(index_store.identity, folders)))
                if reached != self._reached:
                    self._references.clear()
                    self._reached = reached
                for stream, run, _folder in heard:
                    self._hear(stream, run, self._logs[run.uid], index)
        except RecognitionError as error:
            # The next round tries again; the settled hours miss nothing.
            logger.warning("streams were not searched live: %s", error)

    def _hear(self, stream: Stream, run: StreamRun, log: LandmarkLog, index: IndexStore) -> None:
        until = log.duration_ms
        if until <= self._done.get(run.uid, 0) and run.ends_at is None:
            return
        self._done[run.uid] = until
        start = max(0, until - live.WINDOW_MS) // GRID_MS * GRID_MS
        plays = list(_open_plays(run))
        buckets = tuple(sorted(_buckets_of(stream.container)))
        if until - start >= DEFAULT.min_segment_ms:
            if buckets not in self._references:
                self._references[buckets] = index_store.references_of(buckets, index)
            result = live.hear(
                log.read(start, until),
                [_as_open(play, start) for play in plays],
                index=index,
                buckets=buckets,
                references=self._references[buckets],
                audio_type=CaptureType(stream.container.audio_type),
            )
            clock = clock_of(run)
            for play, segment in zip(plays, result.followed, strict=True):
                if segment is not None and start + segment.end_ms > play.end_ms:
                    _extend(play, segment, start, clock)
            for segment in result.found:
                if segment.score >= stream.container.score_floor:
                    _note(stream, run, segment, start, clock)
        # Once the run has ended, all its plays end; before, those not heard for a while.
        silent = _open_plays(run)
        if run.ends_at is None:
            silent = silent.filter(end_ms__lt=until - ENDS_AFTER_MS)
        silent.update(state=AirplayState.ENDED)


def _buckets_of(container: Container) -> Sequence[int]:
    return list(container.buckets.present().values_list("pk", flat=True))


def _runs_to_hear(stream: Stream) -> list[StreamRun]:
    """Return the run that goes on, and earlier ones with plays that nobody ended."""
    with_plays = Airplay.objects.filter(stream=stream, state=AirplayState.PLAYING)
    open_run = StreamRun.objects.filter(stream=stream, ends_at=None)
    ended = StreamRun.objects.filter(pk__in=with_plays.values("run")).exclude(ends_at=None)
    return [*open_run, *ended]


def _open_plays(run: StreamRun) -> QuerySet[Airplay]:
    return Airplay.objects.filter(run=run, state=AirplayState.PLAYING)


def _as_open(play: Airplay, start_ms: int) -> live.OpenPlay:
    return live.OpenPlay(
        recording=play.recording_id,
        offset_ms=play.offset_ms - start_ms,
        tempo_ratio=play.tempo_ratio,
        pitch_cents=play.pitch_cents,
    )


def _extend(play: Airplay, segment: SegmentMatch, start_ms: int, clock: AnchoredClock) -> None:
    """Let a play go on, along its newest alignment, since its tempo may drift."""
    end_ms = start_ms + segment.end_ms
    columns: dict[str, Any] = {  # Any: columns of the row
        "end_ms": end_ms,
        "ends_at": clock.at(end_ms),
        "score": max(play.score, segment.score),
    }
    if play.state != AirplayState.SETTLED:
        columns |= {"state": AirplayState.PLAYING, **_alignment(segment, start_ms)}
    # An hour may settle at the same time.
    rows = Airplay.objects.filter(pk=play.pk, state=play.state, end_ms__lt=end_ms)
    rows.update(**columns)


def _alignment(segment: SegmentMatch, start_ms: int) -> dict[str, float]:
    offset = segment.start_ms - segment.reference_start_ms / segment.tempo_ratio
    return {
        "offset_ms": round(start_ms + offset),
        "tempo_ratio": segment.tempo_ratio,
        "pitch_cents": segment.pitch_cents,
    }


@transaction.atomic
def _note(
    stream: Stream, run: StreamRun, segment: SegmentMatch, start_ms: int, clock: AnchoredClock
) -> None:
    """Keep a play that was heard for the first time, or again after a pause."""
    begin, end = start_ms + segment.start_ms, start_ms + segment.end_ms
    for play in Airplay.objects.filter(
        run=run, recording=segment.recording, end_ms__gte=begin - _GOES_ON_MS
    ).exclude(state=AirplayState.WITHDRAWN):
        expected = (begin - play.offset_ms) * play.tempo_ratio
        if abs(expected - segment.reference_start_ms) <= ALIGNED_MS:
            _extend(play, segment, start_ms, clock)
            return
        if play.state == AirplayState.PLAYING and begin < play.end_ms:
            # A loop aligns at several offsets; it is one play.
            return
    made = Airplay.objects.create(
        stream=stream,
        run=run,
        recording_id=segment.recording,
        starts_at=clock.at(begin),
        ends_at=clock.at(end),
        start_ms=begin,
        end_ms=end,
        score=segment.score,
        **_alignment(segment, start_ms),
    )
    notices.tell_found(made)
    alarms.note_play(made)
