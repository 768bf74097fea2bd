"""The section ``music_speech``: where a file holds music, speech or both.

It is the engine's estimate of speech in ACRCloud's shape. The engine judges only
speech, so music is what a recording of ours was found in; the rest is left out
instead of guessed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from review.counting import UNDER_SPEECH_PCT
from scanning.models import Segment
from web.acrapi.formats import seconds

# Any: JSON.
Json = dict[str, Any]

# In the order in which they win where intervals overlap.
_LABELS = ("ms", "m", "s")


def music_speech(segments: Iterable[Segment], unmatched: Iterable[Json]) -> list[Json]:
    """Return intervals in order of time, without overlaps, in seconds."""
    begun: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for start_ms, end_ms, label in _labelled(segments, unmatched):
        begun[start_ms][label] += 1
        begun[end_ms][label] -= 1
    rows: list[Json] = []
    running: Counter[str] = Counter()
    for start_ms, end_ms in pairwise(sorted(begun)):
        running.update(begun[start_ms])
        label = next((name for name in _LABELS if running[name]), "")
        if not label:
            continue
        start, end = seconds(start_ms), seconds(end_ms)
        if rows and rows[-1]["label"] == label and rows[-1]["end"] == start:
            rows[-1]["end"] = end
        else:
            rows.append({"start": start, "end": end, "label": label})
    return rows


def _labelled(
    segments: Iterable[Segment], unmatched: Iterable[Json]
) -> Iterator[tuple[int, int, str]]:
    for segment in segments:
        spoken = (segment.speech_pct or 0) >= UNDER_SPEECH_PCT
        yield segment.start_ms, segment.end_ms, "ms" if spoken else "m"
    for interval in unmatched:
        if interval.get("speech_pct", 0) >= UNDER_SPEECH_PCT:
            yield interval["start_ms"], interval["end_ms"], "s"
