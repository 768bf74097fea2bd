"""Files whose clock says more than their packets hold: losses, jumps, late sound, links.

Every file carries noise that differs at each moment, so that a place in the sound is
recognised by its samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream

from tests.recognition.media_files import Kind, Sound, add_picture

KINDS = (
    Kind(".mkv", "libopus", "matroska", rate=48_000),
    Kind(".webm", "libopus", "webm", rate=48_000),
    Kind(".avi", "libmp3lame", "avi"),
    Kind(".ogg", "libopus", "ogg", rate=48_000),
    Kind(".oga", "flac", "ogg"),
    Kind(".flv", "aac", "flv"),
    Kind(".wma", "wmav2", "asf"),
    Kind(".nut", "ac3", "nut", rate=48_000),
    Kind(".mkv", "flac", "matroska"),
    Kind(".mp4", "aac", "mp4"),
    Kind(".mov", "pcm_s16le", "mov"),
    Kind(".ts", "mp2", "mpegts"),
    Kind(".ts", "aac", "mpegts"),
)
FRAME = 1152
SECONDS = 12


@dataclass(frozen=True)
class Loss:
    """Packets that are left out, counted from the first."""

    first: int
    count: int


def noise(seconds: float, rate: int, seed: int) -> Sound:
    """Return one channel of noise below 3 kHz, which every codec keeps."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * rate)))
    spectrum[int(3000 * seconds) :] = 0
    y = np.fft.irfft(spectrum, round(seconds * rate))
    quiet: Sound = (0.3 * y / np.abs(y).max()).astype(np.float32)
    return quiet


def write_random(path: Path, kind: Kind, random: Random) -> Path:
    """Write a file with random losses, and sound after its picture in some."""
    losses = [
        Loss(random.randrange(20, 200), random.choice((1, 1, 2, 5, 40)))
        for _ in range(random.randrange(4))
    ]
    has_picture = kind.suffix in (".mkv", ".mp4", ".mov") and random.random() < 0.4
    late_s = random.choice((0, 1, 75)) if has_picture else 0
    sound = noise(SECONDS, kind.rate, random.randrange(1 << 30))
    write(path, kind, sound, losses, late_s if has_picture else None)
    return path


def write(
    path: Path, kind: Kind, sound: Sound, losses: list[Loss], late_s: int | None = None
) -> None:
    """Write ``sound`` without the lost packets; a picture begins ``late_s`` before it."""
    lost = {loss.first + number for loss in losses for number in range(loss.count)}
    with av.open(str(path), mode="w", format=kind.container) as container:
        stream = container.add_stream(kind.codec, rate=kind.rate, layout="mono")
        stream = cast("AudioStream", stream)
        stream.options = {"strict": "experimental"}
        stream.bit_rate = 128_000
        if late_s is not None:
            add_picture(container, seconds=SECONDS + late_s)
        number = 0
        for at in range(0, len(sound) + FRAME, FRAME):
            part = sound[np.newaxis, at : at + FRAME]
            frame = None
            if part.shape[1]:
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(part), format="fltp", layout="mono"
                )
                frame.sample_rate = kind.rate
                frame.pts = at + (late_s or 0) * kind.rate
                frame.time_base = Fraction(1, kind.rate)
            for packet in stream.encode(frame):
                if number not in lost:
                    container.mux(packet)
                number += 1
