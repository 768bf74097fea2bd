"""Audio for tests: seeded tunes, noise and silence, as WAV or through a codec."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.keeping import cached

RATE = 16_000

Samples = NDArray[np.float32]


@cache
def tune(seed: int, seconds: float) -> Samples:
    """Return plucked notes with three overtones, a different tune for each seed.

    The array is read-only because calls with the same seed share it.
    """
    made = _tune(seed, seconds)
    made.setflags(write=False)
    return made


@cached
def _tune(seed: int, seconds: float) -> Samples:
    rng = np.random.default_rng(seed)
    y = np.zeros(int(seconds * RATE), dtype=np.float32)
    at = 0.0
    while at < seconds:
        for _ in range(rng.integers(1, 4)):
            _add_note(y, rng, at)
        at += float(rng.uniform(0.12, 0.35))
    made: Samples = (0.5 * y / max(1e-6, float(np.abs(y).max()))).astype(np.float32)
    return made


def _add_note(y: Samples, rng: np.random.Generator, at: float) -> None:
    pitch = 220.0 * 2.0 ** (rng.integers(0, 30) / 12)
    t = np.arange(int(0.6 * RATE)) / RATE
    overtones = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 5))
    note = (overtones * np.exp(-5 * t) * rng.uniform(0.3, 1.0)).astype(np.float32)
    begin = int(at * RATE)
    part = y[begin : begin + len(note)]
    part += note[: len(part)]


def silence(seconds: float) -> Samples:
    """Return digital silence."""
    return np.zeros(int(seconds * RATE), dtype=np.float32)


def join(parts: Sequence[Samples]) -> Samples:
    """Concatenate sounds."""
    return np.concatenate(list(parts))


def decoded(path: Path) -> Samples:
    """Return a file's sound as one channel."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        frames = [*container.decode(audio=0), None]
        parts = [part.to_ndarray()[0] for f in frames for part in resampler.resample(f)]
    return np.concatenate(parts).astype(np.float32)


def wav_bytes(y: Samples) -> bytes:
    """Return a 16-bit mono WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((y * 32767).astype("<i2").tobytes())
    return out.getvalue()


def encode(y: Samples, path: Path, *, codec: str, bit_rate: int = 64_000) -> None:
    """Encode samples; the suffix of the path selects the container format."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        stream.layout = "mono"
        _encode_audio(container, stream, y)


def video_with_sound(y: Samples, path: Path) -> None:
    """Write an MP4 with a black picture and the samples as AAC."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=1)
        assert isinstance(picture, av.VideoStream)
        picture.width = picture.height = 32
        sound = container.add_stream("aac", rate=RATE)
        assert isinstance(sound, av.AudioStream)
        sound.layout = "mono"
        for second in range(max(1, len(y) // RATE)):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = second
            frame.time_base = Fraction(1, 1)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        _encode_audio(container, sound, y)


def _encode_audio(
    container: av.container.OutputContainer, stream: av.AudioStream, y: Samples
) -> None:
    frame = av.AudioFrame.from_ndarray(
        (y * 32767).astype(np.int16)[np.newaxis, :], format="s16", layout="mono"
    )
    frame.sample_rate = RATE
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
