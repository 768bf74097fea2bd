"""Measures what searching live streams takes against a large catalogue.

A stream is searched as ``plugins.monitoring.streams.live`` does: every four seconds over the last sixteen,
following the plays that go on. The catalogue grows by variants of its recordings, as in
``benchmarks.growth``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.corpus import Track, roles
from benchmarks.growth import Catalogue
from benchmarks.report import Report, machine
from benchmarks.shelf import BUCKET, build
from benchmarks.speed import fingerprint_of, timed, write_programme
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.joined import GRID_MS
from recognition.search.live import WINDOW_MS, OpenPlay, hear
from recognition.streaming.pieces import RunPiece
from recognition.types import Fingerprint, SegmentMatch
from recognition.warm import compile_all

STREAMS: Final = 40
_SOUND_HOURS: Final = 1 / 3
_WARM: Final = 10  # searches that only fill caches


def measure(
    report: Report, tracks: list[Track], work: Path, *, hours: float, seed: int, recording: float
) -> None:
    """Print what searching a stream takes; check how many streams a core bears.

    ``recording`` is the share of a core that recording one stream takes.
    """
    # Needs configured settings, as all that the product stores does.
    from plugins.monitoring.streams.live import EVERY_SECONDS

    compile_all()
    parts = roles(tracks, seed, 1)
    write_programme(work / "stream.mp3", tracks, parts, seed, _SOUND_HOURS)
    whole = fingerprint_of(work / "stream.mp3", "scan")
    shelf = build(tracks, parts.references, work / "index")
    catalogue = Catalogue(shelf.index, shelf.references, shelf.hours)
    catalogue.grow(hours)
    seconds, searches = _live(catalogue, whole, work)
    live = seconds / searches / EVERY_SECONDS
    _, scanned = timed(partial(catalogue.scan, whole))
    settled = scanned * 1000 / whole.duration_ms
    share = recording + live + settled
    report.title("Searching live streams")
    report.table(
        [
            *("catalogue, h", "searches", "recording, of a core", "live search"),
            *("scan of the hour", "together", "streams a core"),
        ],
        [
            (
                f"{catalogue.hours:.0f}",
                searches,
                f"{recording:.4f}",
                f"{live:.4f}",
                f"{settled:.4f}",
                f"{share:.4f}",
                int(1 / share),
            )
        ],
    )
    report.line(f"For each stream; {machine()}, processor time.")
    report.check(f"{STREAMS} streams a core, searched", reached=STREAMS * share <= 1)


def _live(catalogue: Catalogue, whole: Fingerprint, work: Path) -> tuple[float, int]:
    """Search a stream from its first to its last second; return seconds and searches."""
    from plugins.monitoring.streams.live import ENDS_AFTER_MS, EVERY_SECONDS

    log = LandmarkLog(work, "run")
    log.append(RunPiece(0, 0, whole.duration_ms, fingerprint.to_bytes(whole)))
    references = catalogue.references()
    plays: dict[int, OpenPlay] = {}
    heard: dict[int, int] = {}
    spent, searches = 0.0, 0
    for until in range(WINDOW_MS, whole.duration_ms, round(EVERY_SECONDS * 1000)):
        start = (until - WINDOW_MS) // GRID_MS * GRID_MS
        going = {number: _from(play, start) for number, play in plays.items()}
        result, seconds = timed(
            partial(
                hear,
                log.read(start, until),
                list(going.values()),
                index=catalogue.index,
                buckets=[BUCKET],
                references=references,
            )
        )
        for number, segment in zip(going, result.followed, strict=True):
            if segment is not None:
                heard[number] = start + segment.end_ms
        for segment in result.found:
            plays[segment.recording] = _play(segment, start)
            heard[segment.recording] = start + segment.end_ms
        plays = {n: p for n, p in plays.items() if heard[n] >= until - ENDS_AFTER_MS}
        searches += 1
        if searches > _WARM:
            spent += seconds
    return spent, searches - _WARM


def _play(segment: SegmentMatch, start_ms: int) -> OpenPlay:
    """Return a play whose times count from the begin of the stream."""
    begin = segment.start_ms - segment.reference_start_ms / segment.tempo_ratio
    return OpenPlay(segment.recording, start_ms + begin, segment.tempo_ratio, segment.pitch_cents)


def _from(play: OpenPlay, start_ms: int) -> OpenPlay:
    """Return a play whose times count from the begin of a window."""
    return OpenPlay(play.recording, play.offset_ms - start_ms, play.tempo_ratio, play.pitch_cents)
