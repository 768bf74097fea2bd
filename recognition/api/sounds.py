"""Sounds as callers name them: paths of files, arrays of samples, fingerprints."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.errors import TooShort
from recognition.fingerprints import file_format
from recognition.limits import DEFAULT_LIMITS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, check_duration
from recognition.relate.tracks import unsearched
from recognition.types import Fingerprint, SoundTrack

Samples: TypeAlias = NDArray[np.floating[Any] | np.integer[Any]]
Sound: TypeAlias = str | os.PathLike[str] | Samples | Fingerprint
"""A path of a media file or an .acrfp file, an array with its rate, or a fingerprint."""

LAYERS: Final = ("reference", "scan")
# What stands for full scale in arrays of integers.
_FULL_SCALE: Final = {"int16": 1 << 15, "int32": 1 << 31}
# Above 18 dB over full scale, somebody forgot to divide.
_LOUDEST: Final = 8.0


@dataclass(frozen=True, slots=True)
class ReadSound:
    """A sound's fingerprint, those of its other tracks, and what it lacks.

    ``path`` is that of its file; None for an array or a fingerprint.
    """

    fingerprint: Fingerprint
    path: Path | None = None
    other_tracks: tuple[tuple[int, Fingerprint], ...] = ()
    tracks: tuple[SoundTrack, ...] = ()
    warnings: tuple[str, ...] = ()
    states_length: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is lacking for who reads the main track alone."""
        return (*self.warnings, *unsearched(self.tracks, ()))


def fingerprint(sound: Sound, *, rate: int | None = None) -> Fingerprint:
    """Return the fingerprint of a sound, with all that adding, scanning and comparing need.

    It holds no sound: about 0.4 MB for an hour of music. The tracks of a film beside its
    main one are left out, but ``Index.scan`` searches them.

    Args:
        sound: The path of an audio or video file, or of an ``.acrfp`` file, as text or
            ``Path``. Or samples, an array of shape [samples] or [samples, 2]: floats from
            -1 to 1, or int16 or int32.
        rate: Samples per second of an array, 2,000 or more; only for arrays.

    Raises:
        FileNotFoundError, OSError: The file is not there or cannot be read.
        UnsupportedMedia: It holds no audio.
        TooShort, TooLong: It has less than 2 s or more than 48 h of sound.
        DecodeFailed: It is damaged.
        BadFingerprint: The ``.acrfp`` file is damaged, or another vendor's.
        TypeError, ValueError: The array has another type or shape, holds NaN, exceeds
            full scale by far, or has no possible rate.
    """
    return read(sound, *LAYERS, rate=rate).fingerprint


def read(sound: Sound, *layers: str, rate: int | None = None) -> ReadSound:
    """Return a sound's fingerprint with some layers; raises as ``fingerprint`` does."""
    if isinstance(sound, np.ndarray):
        return ReadSound(of_samples(sound, rate, layers))
    if rate is not None:
        raise TypeError("Only an array takes a rate; files and fingerprints state their own.")
    if isinstance(sound, Fingerprint):
        return ReadSound(sound)
    if not isinstance(sound, (str, os.PathLike)):
        raise TypeError(
            "A sound is a path, a NumPy array with its rate, or a Fingerprint, "
            f"not {type(sound).__name__}."
        )
    path = Path(sound)
    if file_format.is_fingerprint(path):
        return ReadSound(file_format.load(path), path)
    # Reading an array or a fingerprint needs no decoder.
    from recognition.audio import analysis

    made = analysis.analyse_file(path, layers=frozenset(layers))
    return ReadSound(
        made.fingerprint,
        path,
        made.other_tracks,
        made.facts.tracks,
        made.warnings,
        made.facts.states_length,
    )


def of_samples(samples: Samples, rate: int | None, layers: Collection[str]) -> Fingerprint:
    """Return the fingerprint of an array; raises as ``fingerprint`` does."""
    from recognition.audio.samples import mono_blocks
    from recognition.fingerprints.builder import FingerprintBuilder
    from recognition.params import DEFAULT

    checked_rate = _checked_rate(rate)
    channels = _checked_channels(samples)
    check_duration(1000 * channels.shape[1] // checked_rate, DEFAULT_LIMITS)
    builder = FingerprintBuilder(layers=layers)
    heard = 0
    for block in mono_blocks(_scaled(channels, checked_rate), checked_rate):
        builder.feed(block)
        heard += len(block)
    made = builder.finish(1000 * heard // DEFAULT.sample_rate)
    # As files have it: what is stored of a level or a bin is rounded.
    return file_format.from_bytes(file_format.to_bytes(made))


def _checked_rate(rate: int | None) -> int:
    if rate is None:
        raise TypeError("An array needs its rate, the samples per second: rate=44100.")
    if isinstance(rate, bool) or rate != int(rate):
        raise TypeError(f"A rate is a whole number of samples per second, not {rate!r}.")
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise ValueError(
            f"A rate lies between {MIN_SAMPLE_RATE:,} and {MAX_SAMPLE_RATE:,} samples per "
            f"second; this is {rate:,}."
        )
    return int(rate)


def _checked_channels(samples: Samples) -> Samples:
    """Return the samples as an array of one or two channels, [channels, samples]."""
    if not np.issubdtype(samples.dtype, np.floating) and samples.dtype.name not in _FULL_SCALE:
        raise TypeError(f"Samples are floats, int16 or int32, not {samples.dtype}.")
    if samples.size == 0:
        raise TooShort(0.0, DEFAULT_LIMITS.min_duration_ms / 1000)
    if samples.ndim == 1:
        return samples[np.newaxis]
    if samples.ndim != 2 or samples.shape[1] > 2:
        raise ValueError(
            f"Samples have the shape [samples] or [samples, 1 or 2], not "
            f"{list(samples.shape)}; turn [channels, samples] with .T, and mix more channels."
        )
    return samples.T


def _scaled(channels: Samples, step: int) -> Iterator[NDArray[np.float32]]:
    """Yield parts of ``step`` samples as floats of full scale 1."""
    full_scale = np.float32(_FULL_SCALE.get(channels.dtype.name, 1))
    for start in range(0, channels.shape[1], step):
        whole = channels[:, start : start + step]
        part = np.ascontiguousarray(whole, dtype=np.float32) / full_scale
        if not np.isfinite(part).all():
            at = start + int(np.flatnonzero(~np.isfinite(part).all(axis=0))[0])
            raise ValueError(f"The samples hold NaN or infinity, first at sample {at:,}.")
        loudest = float(np.abs(part).max())
        if loudest > _LOUDEST:
            raise ValueError(
                f"Floats reach from -1 to 1; these reach {loudest:,.0f}. Divide them by what "
                "is full scale, such as 32768 for samples of 16 bits."
            )
        yield part
