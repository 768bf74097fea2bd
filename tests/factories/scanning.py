"""Containers, scanned files, scans and their detections."""

# factory_boy's declarations carry no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from recognition.speech_track import NET
from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.models import (
    Container,
    Detection,
    Scan,
    ScannedFile,
    ScanSpeech,
    Segment,
    SegmentSpeech,
)
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
    speech: tuple[float, float] | None = None,
    **fields: object,
) -> Detection:
    """Return a detection with a segment per (start, end, ref start, ref end).

    ``segment`` sets further columns of all its segments, ``speech`` the shares of them
    that surely and possibly have speech.
    """
    detection = DetectionFactory.create(**fields)
    for position, (start, end, ref_start, ref_end) in enumerate(intervals):
        row = SegmentFactory.create(
            detection=detection,
            position=position,
            start_ms=start,
            end_ms=end,
            reference_start_ms=ref_start,
            reference_end_ms=ref_end,
            **(segment or {}),
        )
        if speech is not None:
            SegmentSpeech.objects.create(segment=row, least=speech[0], most=speech[1])
    return detection


def judge_scan(scan: Scan, *seconds: tuple[int, str]) -> None:
    """Store where a scan hears what: pairs of whole seconds and a kind of sound."""
    held = {"other": 0x00, "speech": 0xF0, "music": 0x0F, "both": 0xFF}
    halves = bytes(held[kind] for count, kind in seconds for _ in range(2 * count))
    ScanSpeech.objects.create(scan=scan, net=NET, halves=halves)
