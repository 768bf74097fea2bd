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
)

# Milliseconds by which two alignments of one recording may differ.
SAME_PLACE_MS: Final = 1000


def scan_tracks(
    query: Fingerprint,
    others: Sequence[tuple[int, Fingerprint]],
    scan: Callable[[Fingerprint], ScanResult],
) -> ScanResult:
    """Scan the main track, then the others, and join what they hold.

    Another track adds what the main one does not have at the same place.
    """
    result = scan(query)
    for number, sound in others:
        new = new_on_track(number, scan(sound).segments, result.segments)
        if new:
            segments = sorted([*result.segments, *new], key=lambda one: one.start_ms)
            unmatched = tuple(_cut_unmatched(result.unmatched, new))
            result = replace(result, segments=tuple(segments), unmatched=unmatched)
    return result


def new_on_track(
    number: int, found: Iterable[SegmentMatch], known: Iterable[SegmentMatch]
) -> list[SegmentMatch]:
    """Return what another track adds to the segments that are known."""
    known = list(known)
    return [
        replace(segment, track=number)
        for segment in found
        if not any(_is_known(segment, other) for other in known)
    ]


def unsearched(
    tracks: Iterable[SoundTrack], searched: Iterable[int]
) -> tuple[str, ...]:
    """Return a warning if other tracks were not searched, though they may differ."""
    done = set(searched)
    count = sum(
        track.state is TrackState.UNREAD
        or (track.state is TrackState.OTHER and track.number not in done)
        for track in tracks
    )
    if count == 0:
        return ()
    return (
        f"{count} other sound track{' was' if count == 1 else 's were'} not searched.",
    )


def _is_known(segment: SegmentMatch, known: SegmentMatch) -> bool:
    """Return whether a segment lies mostly within one of the same alignment."""
    inside = min(segment.end_ms, known.end_ms) - max(segment.start_ms, known.start_ms)
    apart = (segment.reference_start_ms - segment.start_ms) - (
        known.reference_start_ms - known.start_ms
    )
    return (
        segment.recording == known.recording
        and 2 * inside > segment.end_ms - segment.start_ms
        and abs(apart) <= SAME_PLACE_MS
    )


def _cut_unmatched(
    unmatched: Iterable[UnmatchedInterval], segments: Sequence[SegmentMatch]
) -> Iterator[UnmatchedInterval]:
    """Yield what segments leave of unmatched intervals; candidates stay where they fit."""
    for interval in unmatched:
        at = interval.start_ms
        ends = sorted((one.start_ms, one.end_ms) for one in segments)
        for start, end in [*ends, (interval.end_ms, interval.end_ms)]:
            until = min(max(start, at), interval.end_ms)
            if until - at >= DEFAULT.no_match_min_ms or (
                until - at == interval.end_ms - interval.start_ms
            ):
                is_whole = until - at == interval.end_ms - interval.start_ms
                candidate = interval.candidate if is_whole else None
                yield replace(interval, start_ms=at, end_ms=until, candidate=candidate)
            at = min(max(at, end), interval.end_ms)
