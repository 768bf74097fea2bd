"""Limits on the resources and the output of reading one untrusted file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from recognition.errors import TooLong, TooShort


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of decoding one file; memory is in addition to what the process starts
    with.
    """

    max_duration_ms: int = 48 * 3600 * 1000
    max_memory_bytes: int = 1 << 30
    max_cpu_s: int = 3600
    min_duration_ms: int = 2000


DEFAULT_LIMITS: Final = DecodeLimits()

# Decoding speech at 6 kbit/s takes a second of CPU time per 150 kB. The margin is for
# slow machines, and for silence, which compresses best.
BYTES_PER_CPU_S: Final = 8192
FIRST_CPU_S: Final = 30

# Accepted sound formats. At lower sample rates nothing can be matched, but a few bytes
# could stand for hours; higher values come from damaged headers.
MIN_SAMPLE_RATE: Final = 2000
MAX_SAMPLE_RATE: Final = 12_288_000
MAX_CHANNELS: Final = 128


def check_duration(duration_ms: int, limits: DecodeLimits) -> None:
    """Raise ``TooShort`` or ``TooLong`` for sound of another length than allowed."""
    if duration_ms > limits.max_duration_ms:
        raise TooLong(limits.max_duration_ms / 1000)
    if duration_ms < limits.min_duration_ms:
        raise TooShort(duration_ms / 1000, limits.min_duration_ms / 1000)


def limits_for(path: Path, limits: DecodeLimits) -> DecodeLimits:
    """Return ``limits`` with the CPU time that a file of this size may need.

    A small file that claims or unpacks to hours of sound then stops early.
    """
    needed_s = FIRST_CPU_S + path.stat().st_size // BYTES_PER_CPU_S
    return replace(limits, max_cpu_s=min(limits.max_cpu_s, needed_s))


SPECTROGRAM_ROWS: Final = 160
SPECTROGRAM_COLUMNS: Final = 2000
