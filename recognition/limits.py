"""What reading one untrusted file may take, and how large a picture of it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What decoding one file may take; memory is beyond what the process starts with."""

    max_duration_ms: int = 48 * 3600 * 1000
    max_memory_bytes: int = 1 << 30
    max_cpu_s: int = 3600
    min_duration_ms: int = 3000


DEFAULT_LIMITS: Final = DecodeLimits()

SPECTROGRAM_ROWS: Final = 160
SPECTROGRAM_COLUMNS: Final = 2000
