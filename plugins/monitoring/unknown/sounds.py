"""Reads the unmatched sound of kept files for the engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from django.core.files.storage import default_storage

from base.common.outages import outage_of
from plugins.monitoring.unknown.models import KeptFile
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.file_format import scan_layer
from recognition.fingerprints.landmarks import select
from recognition.params import DEFAULT
from recognition.recurring.sounds import Sound
from recognition.types import NO_LANDMARKS, Fingerprint, LevelMap
from review.intervals import Interval

logger = logging.getLogger(__name__)

_HELD: Final = 8  # files in memory, about 20 MB for each hour
_NOTHING: Final = Fingerprint(
    0,
    DEFAULT.shape_hash(),
    dense=NO_LANDMARKS,
    level_map=LevelMap(
        np.zeros((0, -(-DEFAULT.n_bins // DEFAULT.map_bins)), dtype=np.uint8),
        DEFAULT.map_frames,
        DEFAULT.map_bins,
    ),
)


class Sounds:
    """The kept files by number, the last few in memory; a ``Load`` for the engine.

    A file whose fingerprint is gone, damaged or of another engine has no sound until it
    is scanned again. ``before_each`` is called before a file is read, and may raise to
    stop the work.
    """

    def __init__(self, before_each: Callable[[], None]) -> None:
        self._before_each = before_each
        self._read = lru_cache(_HELD)(self._sound)
        self._given: dict[int, Sound] = {}

    def __call__(self, number: int) -> Sound:
        """Return a file as it was last compared, or as it was given."""
        sound = self._given.get(number)
        return self._read(number) if sound is None else sound

    def give(self, sound: Sound) -> None:
        """Use a file's sound before its row says so."""
        self._given[sound.number] = sound

    def _sound(self, number: int) -> Sound:
        self._before_each()
        kept_file = KeptFile.objects.get(pk=number)
        return read_sound(kept_file, kept_file.fingerprint_name, kept_file.unmatched)


def read_sound(kept_file: KeptFile, name: str, unmatched: Sequence[Interval]) -> Sound:
    """Return a kept file's sound in the unmatched intervals; nothing if unreadable.

    An outage of the storage is raised.
    """
    spans = [(start, end) for start, end in unmatched]
    try:
        return Sound.of(kept_file.pk, read_fingerprint(name), spans)
    except (RecognitionError, OSError) as error:
        if outage_of(error) is not None:
            raise
        logger.warning("kept file %s has no sound: %s", kept_file.pk, error)
        return Sound.of(kept_file.pk, _NOTHING, [])


def read_fingerprint(name: str) -> Fingerprint:
    with default_storage.open(name, "rb") as file:
        return fingerprint.from_bytes(file.read())


def only_in(fingerprint: Fingerprint, spans: Sequence[Interval]) -> Fingerprint:
    """Return a fingerprint whose scan layer has landmarks inside these intervals only."""
    dense, _ = scan_layer(fingerprint)
    inside = np.zeros(len(dense.frames), dtype=np.bool_)
    times = dense.frames * DEFAULT.frame_ms
    for start, end in spans:
        inside |= (times >= start) & (times < end)
    return replace(fingerprint, dense=select(dense, inside))
