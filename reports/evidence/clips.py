"""Cuts the excerpts of a pack and computes their spectrograms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.models.fields.files import FieldFile

from base.common.media_analysis import decode_limits
from base.common.storage import local_path
from recognition.audio import media
from recognition.errors import RecognitionError
from reports.evidence.drawings import DrawnExcerpt, Picture, spectrograms
from reports.evidence.facts import CaseFacts
from scanning.models import Segment

AROUND_MS = 3_000
LONGEST_MS = 60_000
MOST_SEGMENTS = 40
MOST_SPECTROGRAMS = 6
_COLUMNS = 620

Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """One excerpt, as listed in ``case.json``."""

    side: str
    segment: int
    start_ms: int
    end_ms: int

    @property
    def name(self) -> str:
        """Return its name in the pack."""
        return f"clips/segment-{self.segment:03d}-{self.side}.flac"


@dataclass(frozen=True, slots=True)
class Cut:
    """The excerpts, and the reasons why others are missing."""

    clips: Sequence[Clip]
    gaps: Sequence[str]


def cut(facts: CaseFacts, folder: Path, *, with_reference: bool, report: Report) -> Cut:
    """Cut excerpts of the longest segments into ``folder``.

    ``report`` receives the share done, 0–1, and may raise to stop.
    """
    (folder / "clips").mkdir()
    numbered = list(enumerate(facts.segments, start=1))
    longest = sorted(numbered, key=lambda entry: entry[1].start_ms - entry[1].end_ms)
    # In order of time, since sound is decoded in one pass.
    chosen = sorted(longest[:MOST_SEGMENTS])
    file = facts.file
    sides = [_Side("source", file.media, file.decoded_ms, file.audio_removed_at)]
    gaps = []
    if len(chosen) < len(numbered):
        gaps.append(f"Excerpts cover only the {MOST_SEGMENTS} longest of {len(numbered)} segments.")
    if with_reference:
        heard = facts.heard
        sides.append(_Side("reference", heard.audio, heard.duration_ms))
    else:
        gaps.append("Excerpts of the recording were omitted on request.")
    clips: list[Clip] = []
    for index, side in enumerate(sides):
        clips += _cut_side(side, chosen, folder, _part_of(report, index, len(sides)), gaps)
    return Cut(sorted(clips, key=lambda clip: (clip.segment, clip.side)), gaps)


def draw_spectrograms(
    made: Cut, segments: Sequence[Segment], folder: Path, alive: Callable[[], None]
) -> list[Picture]:
    """Draw both sides of the longest segments that have an excerpt."""
    by_segment: dict[int, dict[str, Clip]] = {}
    for clip in made.clips:
        by_segment.setdefault(clip.segment, {})[clip.side] = clip
    longest = sorted(
        by_segment,
        key=lambda number: (segments[number - 1].start_ms - segments[number - 1].end_ms, number),
    )
    pictures = []
    for number in sorted(longest[:MOST_SPECTROGRAMS]):
        alive()
        segment, sides = segments[number - 1], by_segment[number]
        source = (segment.start_ms, segment.end_ms)
        reference = (segment.reference_start_ms, segment.reference_end_ms)
        pictures.append(
            spectrograms(
                number,
                _excerpt(folder, sides.get("source"), source),
                _excerpt(folder, sides.get("reference"), reference),
            )
        )
    return pictures


def clip_interval(start_ms: int, end_ms: int, length_ms: int) -> tuple[int, int]:
    """Return the interval of an excerpt: the segment with context, up to a limit."""
    first = max(0, start_ms - AROUND_MS)
    last = min(end_ms + AROUND_MS, first + LONGEST_MS)
    return first, min(last, length_ms) if length_ms > first else last


def _part_of(report: Report, index: int, count: int) -> Report:
    """Return a function that reports the progress of one of ``count`` equal parts."""
    return lambda share: report((index + share) / count)


@dataclass(frozen=True, slots=True)
class _Side:
    name: str
    audio: FieldFile
    length_ms: int
    removed_at: datetime | None = None

    def interval(self, segment: Segment) -> tuple[int, int]:
        if self.name == "source":
            return clip_interval(segment.start_ms, segment.end_ms, self.length_ms)
        return clip_interval(segment.reference_start_ms, segment.reference_end_ms, self.length_ms)


def _cut_side(
    side: _Side,
    chosen: Sequence[tuple[int, Segment]],
    folder: Path,
    report: Report,
    gaps: list[str],
) -> list[Clip]:
    """Cut one side in one pass; add failures to ``gaps``."""
    kind = "file" if side.name == "source" else "recording"
    intervals = {number: side.interval(segment) for number, segment in chosen}
    clips = [Clip(side.name, number, *interval) for number, interval in intervals.items()]
    # A side is decoded in one pass for each sound track.
    by_track: dict[int | None, list[Clip]] = {}
    for clip, (_number, segment) in zip(clips, chosen, strict=True):
        track = segment.track if side.name == "source" else None
        by_track.setdefault(track, []).append(clip)
    with _on_disk(side.audio) as path:
        if path is None:
            gaps.append(_gone(kind, side.removed_at))
            return []
        try:
            for track, cut in by_track.items():
                media.write_excerpts(
                    path,
                    [(folder / clip.name, clip.start_ms, clip.end_ms) for clip in cut],
                    track=track,
                    limits=decode_limits(),
                    progress=report,
                )
        except RecognitionError as error:
            gaps.append(f"The {kind} could not be cut into excerpts: {error}")
            return []
    made = [clip for clip in clips if (folder / clip.name).exists()]
    gaps += [
        f"The {kind} has no audio at segment {clip.segment}." for clip in clips if clip not in made
    ]
    return made


def _gone(kind: str, removed_at: datetime | None) -> str:
    if removed_at is not None:
        return (
            f"The audio of the {kind} was removed on {removed_at:%Y-%m-%d}; times and "
            "hashes remain."
        )
    return f"The audio of the {kind} is not stored here; times and hashes remain."


@contextmanager
def _on_disk(audio: FieldFile) -> Iterator[Path | None]:
    """Yield a local path of the stored audio, or None if none is stored."""
    if not audio.name or not audio.storage.exists(audio.name):
        yield None
        return
    with local_path(audio) as path:
        yield path


def _excerpt(folder: Path, clip: Clip | None, interval: tuple[int, int]) -> DrawnExcerpt:
    """Return one side to draw, without levels if there is no audio."""
    if clip is None:
        return DrawnExcerpt(*interval, *interval, None)
    try:
        levels = media.read_spectrogram(
            folder / clip.name, columns=_COLUMNS, limits=decode_limits()
        )
    except RecognitionError:
        levels = None
    return DrawnExcerpt(clip.start_ms, clip.end_ms, *interval, levels)
