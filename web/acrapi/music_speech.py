"""The section ``music_speech``: where a file holds music, speech, both or neither."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recognition.speech_track import SoundKind, SpeechTrack
from review.timeline.sounds import sounds
from scanning.models import Segment
from web.acrapi.formats import seconds

# Any: JSON.
Json = dict[str, Any]

_LABELS = {
    SoundKind.MUSIC: "m",
    SoundKind.SPEECH: "s",
    SoundKind.BOTH: "ms",
    SoundKind.OTHER: "o",
}


def music_speech(track: SpeechTrack, length_ms: int, segments: Iterable[Segment]) -> list[Json]:
    """Return intervals in order of time, without overlaps, in seconds."""
    return [
        {
            "start": seconds(piece.start_ms),
            "end": seconds(piece.end_ms),
            "label": _LABELS[piece.kind],
        }
        for piece in sounds(track, length_ms, segments)
    ]
