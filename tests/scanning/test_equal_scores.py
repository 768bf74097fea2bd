"""Many sure matches score 100; the bits of their evidence order them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from recognition.types import ScanResult, SegmentMatch
from reports.rows import RivalRecording
from reports.segment_rows import HeardRecording, rivals_of
from scanning.engines.embedded import best_first
from scanning.models import Segment


def match(recording: int, bits: float, score: float = 100.0) -> SegmentMatch:
    return SegmentMatch(recording, 0, 9000, 0, 9000, 1.0, 0.0, score, bits, 1e-20, 90, 1.0)


@pytest.mark.django_db
def test_the_recording_with_the_most_bits_comes_first() -> None:
    matches = (match(1, 55.0), match(2, 120.0), match(1, 60.0), match(3, 40.0, 99.9))

    ordered = best_first(ScanResult(9000, matches, ()))

    assert [detection.recording_id for detection in ordered] == [2, 1, 3]


def heard(uid: str, bits: str | None) -> HeardRecording:
    segment = Segment(start_ms=0, end_ms=9000, bits=None if bits is None else Decimal(bits))
    return HeardRecording(RivalRecording(uid, Decimal(100), uid), [segment])


def test_so_do_other_candidates_of_the_same_seconds() -> None:
    rivals = {1: heard("a", "40.5"), 2: heard("b", "90.1"), 3: heard("c", None)}

    ordered = rivals_of([], [Segment(start_ms=0, end_ms=9000)], rivals)

    assert [recording.recording_uid for recording in ordered] == ["b", "a", "c"]
