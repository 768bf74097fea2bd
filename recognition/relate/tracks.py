"""Join the results of a file's sound tracks: the main one counts first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from recognition.params import DEFAULT
from recognition.types import (
    Fingerprint,
    ScanResult,
    SegmentMatch,
    SoundTrack,
    TrackState,
    UnmatchedInterval,
    UnmatchedKind,
)

# Milliseconds by which two alignments of one recording may differ.
SAME_PLACE_MS: Final = 1000
# By less, the same sound is longer on another track by chance.
LONGER_MS: Final = 1000


def scan_tracks(
    query: Fingerprint,
    other_tracks: Sequence[tuple[int, Fingerprint]],
    scan: Callable[[Fingerprint], ScanResult],
) -> ScanResult:
    """Scan the main track, then the others, and join what they hold.

    Another track adds what the others do not have at the same place, or not as long, and
    only where all are silent is the file silent.
    """
    result = scan(query)
    for number, sound in other_tracks:
        of_track = scan(sound)
        segments = with_track(number, of_track.segments, result.segments)
        new = [segment for segment in segments if segment.track == number]
        unmatched = _without_silence(result.unmatched, of_track.unmatched)
        result = replace(
            result,
            segments=tuple(segments),
            unmatched=tuple(_cut_unmatched(unmatched, new)),
            speech=result.speech.filled(of_track.speech),
        )
    return result


def with_track(
    number: int, of_track: Iterable[SegmentMatch], segments: Iterable[SegmentMatch]
) -> list[SegmentMatch]:
    """Return segments with those of another track, in order.

    The same alignment counts once: on the first track, unless it is clearly longer on
    the other, as where the first one is shorter or speech hides its music.
    """
    joined = list(segments)
    for segment in of_track:
        if any(_lies_in(segment, earlier, LONGER_MS) for earlier in joined):
            continue
        joined = [earlier for earlier in joined if not _lies_in(earlier, segment)]
        joined.append(replace(segment, track=number))
    return sorted(joined, key=lambda segment: segment.start_ms)


def unsearched(tracks: Iterable[SoundTrack], searched: Iterable[int]) -> tuple[str, ...]:
    """Return a warning if other tracks were not searched, though they may differ."""
    done = set(searched)
    count = sum(
        track.state is TrackState.UNREAD
        or (track.state is TrackState.OTHER and track.number not in done)
        for track in tracks
    )
    if count == 0:
        return ()
    return (f"{count} other sound track{' was' if count == 1 else 's were'} not searched.",)


def _lies_in(segment: SegmentMatch, outer: SegmentMatch, longer_ms: int = 0) -> bool:
    """Return whether a segment lies mostly within one of the same alignment.

    It may be longer than the other by less than ``longer_ms``, or not at all for 0.
    """
    inside = min(segment.end_ms, outer.end_ms) - max(segment.start_ms, outer.start_ms)
    apart = (segment.reference_start_ms - segment.start_ms) - (
        outer.reference_start_ms - outer.start_ms
    )
    length, of_other = (part.end_ms - part.start_ms for part in (segment, outer))
    return (
        segment.recording == outer.recording
        and 2 * inside > length
        and abs(apart) <= SAME_PLACE_MS
        and length <= of_other + longer_ms
    )


def _without_silence(
    unmatched: Iterable[UnmatchedInterval], of_track: Iterable[UnmatchedInterval]
) -> list[UnmatchedInterval]:
    """Return unmatched intervals with those of another track in place of silence."""
    joined: list[UnmatchedInterval] = []
    for silence in unmatched:
        joined.append(silence)
        if silence.kind != UnmatchedKind.SILENCE:
            continue
        clipped = [
            replace(
                interval,
                start_ms=max(interval.start_ms, silence.start_ms),
                end_ms=min(interval.end_ms, silence.end_ms),
            )
            for interval in of_track
            if interval.kind != UnmatchedKind.SILENCE
        ]
        sounding = [
            interval
            for interval in clipped
            if interval.end_ms - interval.start_ms >= DEFAULT.no_match_min_ms
        ]
        if sounding:
            joined[-1:] = [*_cut_unmatched([silence], sounding), *sounding]
    return sorted(joined, key=lambda interval: interval.start_ms)


def _cut_unmatched(
    unmatched: Iterable[UnmatchedInterval], segments: Sequence[SegmentMatch | UnmatchedInterval]
) -> Iterator[UnmatchedInterval]:
    """Yield what segments leave of unmatched intervals; candidates stay where they fit."""
    for interval in unmatched:
        at = interval.start_ms
        ends = sorted((segment.start_ms, segment.end_ms) for segment in segments)
        for start, end in [*ends, (interval.end_ms, interval.end_ms)]:
            until = min(max(start, at), interval.end_ms)
            if until - at >= DEFAULT.no_match_min_ms or (
                until - at == interval.end_ms - interval.start_ms
            ):
                is_whole = until - at == interval.end_ms - interval.start_ms
                candidate = interval.candidate if is_whole else None
                yield replace(interval, start_ms=at, end_ms=until, candidate=candidate)
            at = min(max(at, end), interval.end_ms)
