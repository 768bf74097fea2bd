"""What a file holds by ear: speech, music, both or neither, in each of its seconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from recognition.speech_track import SoundKind, SoundPiece, SpeechTrack
from review import intervals
from review.intervals import Interval
from review.timeline.division import Timeline
from scanning import speech
from scanning.models import ScannedFile, Segment

_SPOKEN = (SoundKind.SPEECH, SoundKind.BOTH)
_MUSICAL = (SoundKind.MUSIC, SoundKind.BOTH)


def sounds_in(file: ScannedFile, line: Timeline) -> list[SoundPiece]:
    """Return the pieces of a file, which meet; none if it was not judged."""
    segments = [counted.segment for match in line.matches for counted in match.tally.segments]
    return sounds(speech.track_of(file.pk), line.length_ms, segments)


def spoken_in(file: ScannedFile, line: Timeline) -> list[Interval]:
    """Return where a file has speech, alone or over music."""
    spoken = (piece for piece in sounds_in(file, line) if piece.kind in _SPOKEN)
    return intervals.union((piece.start_ms, piece.end_ms) for piece in spoken)


def sounds(track: SpeechTrack, length_ms: int, segments: Iterable[Segment]) -> list[SoundPiece]:
    """Return the pieces of a file with these segments of recordings.

    There is music where a recording was found, and no speech where that has all of it.
    """
    pieces = list(track.pieces(0, length_ms))
    if not pieces:
        return []
    found = [segment for segment in segments if segment.track is None]
    own = [
        (segment.start_ms, segment.end_ms)
        for segment in found
        if segment.speech is not None and not segment.speech.least
    ]
    spoken = intervals.union(_spans(pieces, _SPOKEN))
    music = [*_spans(pieces, _MUSICAL), *((row.start_ms, row.end_ms) for row in found)]
    return list(_divided(length_ms, intervals.without(spoken, own), intervals.union(music)))


def _spans(pieces: Iterable[SoundPiece], kinds: Iterable[SoundKind]) -> list[Interval]:
    return [(piece.start_ms, piece.end_ms) for piece in pieces if piece.kind in kinds]


def _divided(
    length_ms: int, spoken: Iterable[Interval], music: Iterable[Interval]
) -> Iterable[SoundPiece]:
    """Yield the pieces that begin and end where speech or music does."""
    edges: defaultdict[int, Counter[SoundKind]] = defaultdict(Counter)
    edges[0], edges[length_ms]
    for kind, spans in ((SoundKind.SPEECH, spoken), (SoundKind.MUSIC, music)):
        for start, end in spans:
            edges[min(start, length_ms)][kind] += 1
            edges[min(end, length_ms)][kind] -= 1
    running: Counter[SoundKind] = Counter()
    last: SoundPiece | None = None
    for start, end in pairwise(sorted(edges)):
        running.update(edges[start])
        kind = _kind(running)
        if last is not None and last.kind == kind:
            last = last._replace(end_ms=end)
            continue
        if last is not None:
            yield last
        last = SoundPiece(start, end, kind)
    if last is not None:
        yield last


def _kind(running: Counter[SoundKind]) -> SoundKind:
    if running[SoundKind.SPEECH] and running[SoundKind.MUSIC]:
        return SoundKind.BOTH
    return next((kind for kind in running if running[kind]), SoundKind.OTHER)
