"""Speech and music of scanned files, which a better net may judge again."""

from __future__ import annotations

from django.db import models

from base.accounts.reach import Path, ReachManager
from recognition.speech_track import Share, SpeechTrack
from scanning.models.detection import Segment
from scanning.models.scan import Scan


class ScanSpeech(models.Model):
    """Speech and music in the file of a scan, half second by half second.

    ``halves`` are the bytes of ``recognition.speech_track``, empty if the file's
    fingerprint could not be read. ``net`` is the number of the net that judged them.
    """

    scan = models.OneToOneField(
        Scan, on_delete=models.CASCADE, primary_key=True, related_name="speech"
    )
    net = models.PositiveSmallIntegerField()
    halves = models.BinaryField(default=b"", editable=False)

    reach = Path(containers="scan__scanned_file__container")
    objects = ReachManager["ScanSpeech"]()

    class Meta:
        ordering = ["scan"]
        verbose_name_plural = "speech of scans"

    def __str__(self) -> str:
        return str(self.scan)

    @property
    def track(self) -> SpeechTrack:
        """Return the half seconds."""
        return SpeechTrack(bytes(self.halves))


class SegmentSpeech(models.Model):
    """How much of a segment has speech that its recording does not hold itself.

    Apart from the segment, which never changes. ``least`` and ``most`` are the shares
    (0–1) of half seconds that surely and that possibly have speech.
    """

    segment = models.OneToOneField(
        Segment, on_delete=models.CASCADE, primary_key=True, related_name="speech_estimate"
    )
    least = models.FloatField()
    most = models.FloatField()

    reach = Path(
        containers="segment__detection__scan__scanned_file__container",
        buckets="segment__detection__recording__bucket",
    )
    objects = ReachManager["SegmentSpeech"]()

    class Meta:
        ordering = ["segment"]
        verbose_name_plural = "speech over segments"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(least__gte=0, most__gte=models.F("least"), most__lte=1),
                name="segment_speech_range",
            )
        ]

    def __str__(self) -> str:
        return str(self.segment)

    @property
    def share(self) -> Share:
        """Return both shares."""
        return Share(self.least, self.most)
