"""Copy an interval of a run from the ring to an audio file."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plugins.monitoring.streams.recording.ring import RingGone, RingLog
from plugins.monitoring.streams.recording.run_files import RunFiles

# By the name of FFmpeg's demuxer.
SUFFIXES: Final = {
    "mp3": ".mp3",
    "aac": ".aac",
    "ac3": ".ac3",
    "flac": ".flac",
    "mpegts": ".ts",
    "ogg": ".ogg",
    "mov,mp4,m4a,3gp,3g2,mj2": ".mp4",
}
# Pages and fragments hold up to some seconds, and decoders take a moment to begin.
MARGIN_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class CutFacts:
    """What a cut file holds: times of the run in ms, the file's suffix, and its codec.

    The file begins up to some seconds before the interval, and ends as much after it.
    """

    start_ms: int
    end_ms: int
    suffix: str
    codec: str


def cut_audio(folder: Path, run: str, start_ms: int, end_ms: int, target: Path) -> CutFacts:
    """Copy an interval of a run to ``target``, as it was sent.

    Raises ``RingGone`` if the ring has overwritten any of it, and ``ValueError`` if the
    interval is empty.
    """
    if not 0 <= start_ms < end_ms:
        raise ValueError("an interval begins before it ends")
    files = RunFiles(folder, run)
    try:
        facts = files.facts()
    except FileNotFoundError:
        raise RingGone from None
    points = [(0, facts.byte_offset), *files.points()]
    times = [run_ms for run_ms, _ in points]
    first = max(0, bisect.bisect_right(times, start_ms - MARGIN_MS) - 1)
    last = bisect.bisect_left(times, end_ms + MARGIN_MS)
    ring = RingLog(folder)
    begin_ms, begin = points[first]
    end = points[last][1] if last < len(points) else None
    written = 0
    with target.open("wb") as file:
        if facts.mid_container or begin > facts.byte_offset:
            file.write(files.head(begin))
        for entry in ring.entries(begin):
            data = entry.data if end is None else entry.data[: end - entry.offset]
            if (end is not None and entry.offset >= end) or entry.is_break(begin):
                break
            file.write(data)
            written += len(data)
    if not written:
        raise RingGone
    return CutFacts(
        start_ms=begin_ms,
        end_ms=points[last][0] if last < len(points) else times[-1],
        suffix=SUFFIXES.get(facts.container, ".bin"),
        codec=facts.codec,
    )
