"""An interval of a file, as the sound component draws and plays it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scanning.models import ScannedFile
from web.portal.pictures.ribbon import Box, box
from web.portal.pictures.waveform import WavePaths, Window, load_waveform, wave_paths
from web.portal.shared import playback

CONTEXT_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class ShownSound:
    """An interval of a file; ``window`` is what is drawn around it."""

    file: ScannedFile
    audio_url: str
    window: Window
    interval: Box
    wave: WavePaths | None = None


def sound_alone(file: ScannedFile, start_ms: int, end_ms: int, audio_url: str) -> ShownSound:
    """Return an interval without its waveform and without what is around it."""
    window = Window(start_ms, end_ms)
    return ShownSound(file, audio_url, window, box(start_ms, end_ms, window))


def sound_around(
    file: ScannedFile, start_ms: int, end_ms: int, audio_url: str | None = None
) -> ShownSound:
    """Return an interval with its waveform and the sound around it.

    ``audio_url`` is another sound track than the main one.
    """
    end = max(file.length_ms or 0, end_ms)
    window = Window(max(start_ms - CONTEXT_MS, 0), min(end_ms + CONTEXT_MS, end))
    return ShownSound(
        file,
        playback.audio_url(file) if audio_url is None else audio_url,
        window,
        box(start_ms, end_ms, window),
        wave_paths(load_waveform(file), window=window, duration_ms=file.length_ms),
    )
