"""View-model of the aligned pair: both waveforms around one segment, on one time axis.

The reference is drawn at the source's speed, so that a vertical line marks the same
musical moment in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from catalogue.models import Recording
from review.edits import ALTERED_TEMPO
from review.models import Match
from scanning.models import ScannedFile, Segment
from web.portal.pictures import ribbon
from web.portal.pictures.waveform import (
    DrawnWaveform,
    WavePaths,
    Window,
    length_of,
    load_waveform,
    wave_paths,
)
from web.portal.shared import playback

CONTEXT_MS = 5_000
MAX_TICKS = 90
# Smaller differences are measurement noise, so the page calls the speed equal.
SAME_SPEED = 0.0005
SAME_PITCH_CENTS = 1
# Hardly anybody hears a smaller difference between two sounds that play together.
_HEARD_CENTS = 20
_SECOND_STEPS = (1, 2, 5, 10, 30, 60, 300, 600)


class AlignedInterval(Protocol):
    """An interval of one sound, its interval in the other, and the edit, if measured."""

    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def reference_start_ms(self) -> int: ...
    @property
    def reference_end_ms(self) -> int: ...
    @property
    def tempo_ratio(self) -> Decimal | float | None: ...
    @property
    def pitch_cents(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class AlignmentTick:
    """One tick between the two sounds, upright if their speeds are equal."""

    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class PairSide:
    """One of the two sounds around the segment."""

    title: str
    audio_url: str
    start_ms: int
    end_ms: int
    window: Window
    wave: WavePaths | None
    ticks: tuple[ribbon.Tick, ...]
    gain: str

    @property
    def interval(self) -> ribbon.Box:
        """Return the segment's place in the window."""
        share = (self.end_ms - self.start_ms) / self.window.length_ms
        return ribbon.Box(
            x=_percent(self.window, self.start_ms),
            width=f"{100 * share:.3f}%",
            x2=_percent(self.window, self.end_ms),
            start_ms=self.start_ms,
            end_ms=self.end_ms,
        )


@dataclass(frozen=True, slots=True)
class PairPicture:
    """Everything the pair template draws and the player reads."""

    source: PairSide
    reference: PairSide
    interval: ribbon.Box
    links: tuple[AlignmentTick, ...]
    lean_seconds: int
    ratio: Decimal
    is_same_speed: bool
    pitch_cents: Decimal | None
    is_same_pitch: bool
    # A browser plays another speed at the recording's own pitch, or as a tape does.
    keeps_pitch: bool
    is_off_pitch: bool
    """Whether a browser can play both in step, but not at the same pitch."""

    @property
    def can_play(self) -> bool:
        """Tell whether at least one side has audio."""
        return bool(self.source.audio_url or self.reference.audio_url)


def aligned_pair(*, match: Match, segment: Segment) -> PairPicture:
    """Draw source and reference around a segment, with ``CONTEXT_MS`` on each side."""
    # Reference times are those of the detection's own recording, also after a merge.
    heard = segment.detection.recording
    return aligned(match.scanned_file, heard, segment, segment.track)


def aligned(
    file: ScannedFile | Recording,
    reference: ScannedFile | Recording,
    segment: AlignedInterval,
    track: int | None = None,
) -> PairPicture:
    """Draw any two sounds around an interval that they share.

    ``track`` is the number of another sound track of the file, which has no waveform.
    """
    # Reference seconds per second of the source.
    ratio = float(segment.tempo_ratio or 0) or (
        segment.reference_end_ms - segment.reference_start_ms
    ) / (segment.end_ms - segment.start_ms)
    window = Window(segment.start_ms - CONTEXT_MS, segment.end_ms + CONTEXT_MS)
    around = round(CONTEXT_MS * ratio)
    heard = Window(segment.reference_start_ms - around, segment.reference_end_ms + around)
    curves = None if track else load_waveform(file), load_waveform(reference)
    loudness = (
        _loudness(curves[0], segment.start_ms, segment.end_ms, length_of(file)),
        _loudness(
            curves[1], segment.reference_start_ms, segment.reference_end_ms, length_of(reference)
        ),
    )
    step, links = _links(segment, window, ratio)
    cents = float(segment.pitch_cents or 0)
    keeps_pitch = _keeps_pitch(ratio, cents)
    played_cents = 0 if keeps_pitch else 1200 * math.log2(ratio)
    source = PairSide(
        title=_title(file),
        audio_url=playback.audio_url(file, track),
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        window=window,
        wave=_window_of(curves[0], window, length_of(file)),
        ticks=_ruler(window),
        gain=_gain(loudness[0], loudness[1]),
    )
    return PairPicture(
        source=source,
        reference=PairSide(
            title=_title(reference),
            audio_url=playback.audio_url(reference),
            start_ms=segment.reference_start_ms,
            end_ms=segment.reference_end_ms,
            window=heard,
            wave=_window_of(curves[1], heard, length_of(reference)),
            ticks=_ruler(heard),
            gain=_gain(loudness[1], loudness[0]),
        ),
        interval=source.interval,
        links=links,
        lean_seconds=step,
        ratio=Decimal(f"{ratio:.5f}"),
        is_same_speed=abs(ratio - 1) < SAME_SPEED,
        pitch_cents=segment.pitch_cents,
        is_same_pitch=abs(cents) < SAME_PITCH_CENTS,
        keeps_pitch=keeps_pitch,
        is_off_pitch=abs(cents - played_cents) > _HEARD_CENTS,
    )


def _keeps_pitch(ratio: float, cents: float) -> bool:
    """Return whether the use sounds nearer to the recording's pitch than to a tape's."""
    is_edited = abs(ratio - 1) > ALTERED_TEMPO
    return is_edited and abs(cents) < abs(cents - 1200 * math.log2(ratio))


def _title(sound: ScannedFile | Recording) -> str:
    return sound.name if isinstance(sound, ScannedFile) else sound.full_title


def _window_of(
    waveform: DrawnWaveform | None, window: Window, duration_ms: int
) -> WavePaths | None:
    """Cut a window out of the waveform; values beyond its ends are 0."""
    if waveform is None or not duration_ms:
        return None
    return wave_paths(
        DrawnWaveform(
            _cut(waveform.peaks, window, duration_ms), _cut(waveform.rms, window, duration_ms)
        )
    )


def _cut(values: Sequence[int], window: Window, duration_ms: int) -> Sequence[int]:
    first = len(values) * window.start_ms // duration_ms
    last = len(values) * window.end_ms // duration_ms + 1
    before, after = max(-first, 0), max(last - len(values), 0)
    return [0] * before + list(values[max(first, 0) : last]) + [0] * after


def _ruler(window: Window) -> tuple[ribbon.Tick, ...]:
    return tuple(tick for tick in ribbon.ruler(window) if not tick.label.startswith("−"))


def _links(
    segment: AlignedInterval, window: Window, ratio: float
) -> tuple[int, tuple[AlignmentTick, ...]]:
    """Return the tick spacing (s) and lines that join equal seconds of both sides."""
    length_s = (segment.end_ms - segment.start_ms) / 1000
    step = next((step for step in _SECOND_STEPS if length_s / step <= MAX_TICKS), _SECOND_STEPS[-1])
    links = tuple(
        AlignmentTick(
            top=_percent(window, segment.start_ms + second * 1000),
            bottom=_percent(window, segment.start_ms + second * 1000 / ratio),
        )
        for second in range(step, int(length_s) + 1, step)
    )
    return step, links


def _percent(window: Window, at_ms: float) -> str:
    return f"{window.percent(at_ms):.3f}%"


def _loudness(
    waveform: DrawnWaveform | None, start_ms: int, end_ms: int, duration_ms: int
) -> float:
    """Return the mean RMS (0–255) of an interval; 0 without a waveform."""
    if waveform is None or not waveform.rms or not duration_ms:
        return 0.0
    values = _cut(waveform.rms, Window(start_ms, end_ms), duration_ms)
    return sum(values) / len(values)


def _gain(own: float, reference: float) -> str:
    """Return the factor that lowers the louder side to the quieter one."""
    if not own or not reference:
        return "1"
    return f"{min(reference / own, 1):.3f}"
