"""Containers, scanned files, scans and their detections."""

# factory_boy's declarations carry no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.models import Container, Detection, Scan, ScannedFile, Segment
from tests.factories.catalogue import RecordingFactory


class ContainerFactory(DjangoModelFactory[Container]):
    """A container of the embedded engine."""

    class Meta:
        model = Container

    name = Sequence(lambda number: f"Container {number}")


class ScannedFileFactory(DjangoModelFactory[ScannedFile]):
    """A scanned file of ten minutes."""

    class Meta:
        model = ScannedFile

    container = SubFactory(ContainerFactory)
    name = Sequence(lambda number: f"programme-{number:04d}.wav")
    sha256 = Sequence(lambda number: f"{number:064x}")
    size_bytes = 1_000_000
    length_ms = 600_000
    status = FileStatus.READY


class ScanFactory(DjangoModelFactory[Scan]):
    """A successful scan."""

    class Meta:
        model = Scan

    scanned_file = SubFactory(ScannedFileFactory)
    engine = EngineChoice.EMBEDDED
    engine_version = "1+idx1"
    status = ScanStatus.SUCCEEDED
    recordings_searched = 12
    started_at = datetime(2026, 5, 2, 10, 11, 0, tzinfo=UTC)
    finished_at = datetime(2026, 5, 2, 10, 11, 12, tzinfo=UTC)


class DetectionFactory(DjangoModelFactory[Detection]):
    """A detection without segments; see ``SegmentFactory`` and ``make_detection``."""

    class Meta:
        model = Detection

    scan = SubFactory(ScanFactory)
    recording = SubFactory(RecordingFactory)
    score = Decimal("87.5")
    score_scale = "0-100:embedded/1"


class SegmentFactory(DjangoModelFactory[Segment]):
    """A segment of twenty seconds, at the recording's own speed and pitch."""

    class Meta:
        model = Segment

    detection = SubFactory(DetectionFactory)
    position = Sequence(lambda number: number)
    start_ms = 70_000
    end_ms = 90_000
    reference_start_ms = 5_000
    reference_end_ms = 25_000
    tempo_ratio = Decimal("1.00000")
    pitch_cents = Decimal("0.0")
    score = Decimal("87.5")
    aligned_landmarks = 120
    expected_by_chance = Decimal("4.00")


def make_detection(
    *intervals: tuple[int, int, int, int],
    segment: dict[str, object] | None = None,
    **fields: object,
) -> Detection:
    """Return a detection with a segment per (start, end, ref start, ref end).

    ``segment`` sets further columns of all its segments.
    """
    detection = DetectionFactory.create(**fields)
    for position, (start, end, ref_start, ref_end) in enumerate(intervals):
        SegmentFactory.create(
            detection=detection,
            position=position,
            start_ms=start,
            end_ms=end,
            reference_start_ms=ref_start,
            reference_end_ms=ref_end,
            **(segment or {}),
        )
    return detection
