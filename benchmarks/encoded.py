"""Music of a folder in the formats of streams."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import av
from av.audio.stream import AudioStream

_OPUS_RATE: Final = 48_000
# Formats that encoders take, where they do not take planar floats.
_SAMPLES: Final = {"libopus": "flt", "mp2": "s16"}


def encode(music: Path, seconds: float, codec: str, suffix: str) -> bytes:
    """Return the music of a folder, one piece after the other, encoded."""
    memory = io.BytesIO()
    rate = _OPUS_RATE if codec == "libopus" else 44_100
    with av.open(memory, "w", format=_format(suffix, codec)) as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 128_000
        resampler = av.AudioResampler("fltp", "stereo", rate, frame_size=4096)
        if codec in _SAMPLES:
            resampler = av.AudioResampler(_SAMPLES[codec], "stereo", rate, frame_size=4096)
        made = 0
        for path in _endless(music):
            with av.open(path) as source:
                for frame in source.decode(audio=0):
                    for part in resampler.resample(frame):
                        part.pts = made
                        made += part.samples
                        out.mux(stream.encode(part))
                    if made >= seconds * rate:
                        break
            resampler = av.AudioResampler(resampler.format.name, "stereo", rate, frame_size=4096)
            if made >= seconds * rate:
                break
        out.mux(stream.encode(None))
    return memory.getvalue()


_MUSIC = {".opus", ".mp3", ".flac", ".ogg"}


def _endless(music: Path) -> Sequence[Path]:
    files = sorted(p for p in music.rglob("*") if p.suffix in _MUSIC)
    if not files:
        raise SystemExit(f"{music} holds no music ({', '.join(sorted(_MUSIC))})")
    return files * 100


def _format(suffix: str, codec: str) -> str:
    if codec == "mp2" and suffix == ".mp3":
        return "mp2"
    return {".mp3": "mp3", ".aac": "adts", ".ogg": "ogg", ".ts": "mpegts"}[suffix]
