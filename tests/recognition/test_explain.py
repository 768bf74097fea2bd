"""The evidence of a match, landmark by landmark."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recognition.builder import extract
from recognition.errors import MissingLayer
from recognition.explain import Fate
from recognition.match import explain
from tests.recognition.synthesis import RATE, catalogue, join, music, noise

SONG = music(31, 30)
QUERY = extract(join(music(32, 6), SONG[5 * RATE : 20 * RATE] + noise(2, 15, 0.01)))


def test_the_alignment_shows_what_the_segment_counts() -> None:
    shelf = catalogue([SONG])
    (segment,) = shelf.scan(QUERY).segments

    alignment = explain(QUERY, shelf.references[1], segment)

    aligned = sum(pairing.fate is Fate.ALIGNED for pairing in alignment.pairings)
    assert aligned == pytest.approx(segment.aligned, abs=5)
    assert sum(alignment.per_second) == aligned
    assert len(alignment.per_second) == len(alignment.expected_per_second)
    assert sum(alignment.expected_per_second) < aligned


def test_pairings_lie_on_the_line_of_the_segment() -> None:
    shelf = catalogue([SONG])
    (segment,) = shelf.scan(QUERY).segments

    alignment = explain(QUERY, shelf.references[1], segment)

    for pairing in alignment.pairings:
        assert abs(pairing.query_ms - pairing.reference_ms - 1000) < 60
        assert 150 < pairing.frequency_hz < 4000


def test_a_query_without_scan_layer_is_explained_by_its_reference_layer() -> None:
    shelf = catalogue([SONG])
    (segment,) = shelf.scan(QUERY).segments

    alignment = explain(
        replace(QUERY, dense=None, level_map=None), shelf.references[1], segment
    )

    assert sum(alignment.per_second) > 20


def test_a_query_without_landmarks_cannot_be_explained() -> None:
    shelf = catalogue([SONG])
    (segment,) = shelf.scan(QUERY).segments
    bare = replace(QUERY, reference=None, dense=None, level_map=None)

    with pytest.raises(MissingLayer):
        explain(bare, shelf.references[1], segment)
