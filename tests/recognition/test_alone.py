"""A short recording is found where it plays, or said to hold too little sound for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recognition import Index, fingerprint
from recognition.fingerprints.file_format import reference_layer
from recognition.fingerprints.hashes import reference_hashes
from recognition.relate.alone import can_be_found
from tests.recognition.media_files import melody

RATE = 8000
AT_S = 43
CHIME = ((659.3, 830.6, 987.8),)
TWO_CHORDS = ((523.3, 659.3, 784.0), (587.3, 740.0, 880.0))
TUNE = tuple((440.0 * 2 ** (step / 12),) for step in (0, 4, 7, 12, 11, 7, 9, 5, 4, 2, 7, 0))


def logo(chords: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Return two seconds in which chords sound one after the other."""
    y = np.zeros(2 * RATE)
    step = len(y) // len(chords)
    for number, chord in enumerate(chords):
        t = np.arange(len(y) - number * step) / RATE
        for pitch in chord:
            overtones = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in (1, 2, 3))
            y[number * step :] += 0.1 * overtones * np.exp(-4 * t)
    return y


def hours(count: float) -> Callable[[], float]:
    """Return what tells that a catalogue has so many hours."""
    return lambda: count


@pytest.mark.parametrize(
    ("chords", "expected"), [(CHIME, False), (TWO_CHORDS, False), (TUNE, True)]
)
def test_a_logo_in_a_programme_is_found_or_said_to_be_lost(
    chords: Sequence[Sequence[float]], expected: bool, tmp_path: Path
) -> None:
    sound = logo(chords)
    programme = melody(90, RATE, seed=5)
    programme[AT_S * RATE :][: len(sound)] = sound
    index = Index.create(tmp_path / "index")
    made = fingerprint(sound, rate=RATE)
    index.add_many({"logo": made})

    heard = [round(segment.start_s) for segment in index.scan(programme, rate=RATE).segments]

    hashes, _frames = reference_hashes(reference_layer(made))
    assert can_be_found(hashes, partial(reference_layer, made), hours(1)) is expected
    assert heard == ([AT_S] if expected else [])


def test_a_larger_catalogue_needs_more_sound() -> None:
    layer = reference_layer(fingerprint(logo(TUNE[:5]), rate=RATE))
    hashes, _frames = reference_hashes(layer)

    weighed = [can_be_found(hashes, lambda: layer, hours(count)) for count in (0, 30, 300)]

    assert weighed == [True, True, False]
