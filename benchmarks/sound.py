"""Sound for measurements: decoding, resampling, codecs and other damage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
import scipy  # loads scipy.signal when it is used, which takes long
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 16_000  # the rate of clips; the engine resamples them to its own
_LOWEST_HZ = 20  # inaudible sound below this is not part of a piece


def decode(source: Path | io.BytesIO, rate: int = RATE) -> Samples:
    """Return a whole file as mono samples."""
    opened = str(source) if isinstance(source, Path) else source
    with av.open(opened, "r", metadata_errors="replace") as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        parts = [
            part.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32) if parts else silence(0)


def audible(y: Samples) -> Samples:
    """Return the sound above the lowest audible frequency.

    Some files have a constant offset, which would dominate their level: in one piece it
    is 97 % of the power.
    """
    filters = scipy.signal.butter(4, _LOWEST_HZ, "highpass", fs=RATE, output="sos")
    heard: Samples = scipy.signal.sosfilt(filters, y).astype(np.float32)
    return heard


def silence(n: int) -> Samples:
    """Return that many zero samples."""
    return np.zeros(n, dtype=np.float32)


def resample(y: Samples, from_rate: int, to_rate: int) -> Samples:
    """Change the rate; a wrong ``from_rate`` changes the speed."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=to_rate)
    frames = [*_frames(y, from_rate), None]
    parts = [part for frame in frames for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray()[0] for part in parts]).astype(np.float32)


def speed(y: Samples, ratio: float) -> Samples:
    """Play faster and higher, as a tape does."""
    return resample(y, round(RATE * ratio), RATE)


def drifting(y: Samples, first: float, last: float, n: int) -> Samples:
    """Play ``n`` samples at a speed that changes little by little, as a worn tape does."""
    at = np.cumsum(np.linspace(first, last, n))
    heard: Samples = np.interp(at[at < len(y)], np.arange(len(y)), y).astype(np.float32)
    return heard


def tempo(y: Samples, ratio: float) -> Samples:
    """Play faster at the same pitch."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        format="fltp", sample_rate=RATE, layout="mono", time_base=Fraction(1, RATE)
    )
    stretch = graph.add("atempo", f"{ratio:.6f}")
    sink = graph.add("abuffersink")
    source.link_to(stretch)
    stretch.link_to(sink)
    graph.configure()
    for frame in _frames(y, RATE):
        source.push(frame)
    source.push(None)
    parts = []
    while True:
        try:
            part = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            break
        assert isinstance(part, AudioFrame)
        parts.append(part.to_ndarray()[0])
    return np.concatenate(parts).astype(np.float32)


def pitch(y: Samples, semitones: float) -> Samples:
    """Raise the pitch at the same tempo."""
    ratio = 2 ** (semitones / 12)
    return tempo(speed(y, ratio), 1 / ratio)


def coded(y: Samples, codec: str, container: str, bit_rate: int) -> Samples:
    """Encode and decode again."""
    rate = 48_000 if codec == "libopus" else RATE
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate
        name = stream.format.name
        fit = av.AudioResampler(
            format=name,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        for frame in [*_frames(y, RATE), None]:
            for part in fit.resample(frame):
                output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    buffer.seek(0)
    return decode(buffer)


def write_stereo(path: Path, y: Samples, bit_rate: int) -> None:
    """Write an MP3 at 44.1 kHz whose two channels differ a little."""
    rate = 44_100
    with av.open(str(path), "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=rate, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate
        fit = av.AudioResampler(
            format=stream.format.name,
            layout="stereo",
            rate=rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        delayed = np.concatenate([silence(8), y[:-8]])
        for frame in [*_frames(np.stack([y, 0.8 * delayed]), RATE), None]:
            for part in fit.resample(frame):
                output.mux(stream.encode(part))
        output.mux(stream.encode(None))


def telephone(y: Samples) -> Samples:
    """Return sound as telephones transmit it: 300–3,400 Hz at 8 kHz, eight-bit µ-law."""
    band = scipy.signal.butter(4, [300, 3400], "bandpass", fs=RATE, output="sos")
    low = resample(scipy.signal.sosfilt(band, y).astype(np.float32), RATE, 8000)
    peak = max(1e-6, float(np.abs(low).max()))
    squeezed = np.sign(low) * np.log1p(255 * np.abs(low) / peak) / np.log(256)
    coarse = np.round(squeezed * 127) / 127
    back = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255 * peak
    return resample(back.astype(np.float32), 8000, RATE)


def reverberant(y: Samples, rng: np.random.Generator) -> Samples:
    """Add a hall: noise as loud as the sound that decays by 60 dB in about a second."""
    t = np.arange(RATE) / RATE
    tail = rng.normal(size=len(t)) * 10 ** (-3 * t / rng.uniform(0.7, 1.2))
    tail *= 1 / np.sqrt((tail**2).sum())
    wet = scipy.signal.fftconvolve(y, tail)[: len(y)]
    both: Samples = (0.5 * y + 0.5 * wet).astype(np.float32)
    return both


def clipped(y: Samples) -> Samples:
    """Clip a fifth of the samples."""
    limit = float(np.quantile(np.abs(y), 0.8)) + 1e-6
    cut: Samples = np.clip(y, -limit, limit).astype(np.float32)
    return cut


def compressed(y: Samples) -> Samples:
    """Compress the dynamics, with an attack and a release of about 50 ms."""
    kernel = np.hanning(RATE // 10)
    power = scipy.signal.fftconvolve(y**2, kernel / kernel.sum(), mode="same")
    envelope = np.sqrt(np.maximum(power, 1e-10))
    even: Samples = (y * envelope**-0.7 * 0.1).astype(np.float32)
    return even


def with_bass(y: Samples, decibels: float) -> Samples:
    """Raise everything below 120 Hz, as "bass boosted" uploads do; clips what is over."""
    low = scipy.signal.butter(2, 120, "lowpass", fs=RATE, output="sos")
    bass = scipy.signal.sosfilt(low, y).astype(np.float32)
    raised = y + np.float32(10 ** (decibels / 20) - 1) * bass
    clipped: Samples = np.clip(raised, -1, 1).astype(np.float32)
    return clipped


def pink_noise(n: int, rng: np.random.Generator) -> Samples:
    """Return noise with a power that falls by 3 dB per octave."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise: Samples = np.fft.irfft(spectrum, n).astype(np.float32)
    return noise


def mixed(y: Samples, second: Samples, decibels: float) -> Samples:
    """Mix two sounds, with ``y`` that many decibels above ``other``."""
    gain = loudness(y) / max(1e-9, loudness(second)) * 10 ** (-decibels / 20)
    both = y + np.float32(gain) * second
    unclipped: Samples = (both / max(1.0, float(np.abs(both).max()))).astype(np.float32)
    return unclipped


def loudness(y: Samples) -> float:
    """Return the root mean square of the parts that are not silent."""
    heard = y[np.abs(y) > 1e-4]
    return float(np.sqrt((heard**2).mean())) if len(heard) else 1e-9


def _frames(y: Samples, rate: int, size: int = 8192) -> Iterator[AudioFrame]:
    channels = np.atleast_2d(y)
    layout = "mono" if len(channels) == 1 else "stereo"
    for start in range(0, channels.shape[1], size):
        block = np.ascontiguousarray(channels[:, start : start + size])
        frame = AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = start
        frame.time_base = Fraction(1, rate)
        yield frame
