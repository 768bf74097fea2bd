"""Detections and segments as the engine reported them; never changed."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.accounts.reach import Path, ReachManager
from base.common.reading import read_interval
from catalogue.models import Recording
from recognition.speech_track import Share
from scanning.choices import Section
from scanning.models.scan import Scan


class ImmutableError(Exception):
    """Somebody tried to change or delete a detection."""

    def __init__(self) -> None:
        super().__init__(_("Detections and segments cannot be changed or deleted."))


class ImmutableQuerySet(models.QuerySet[Any]):  # Any: serves both models below
    """Refuses bulk changes to reported results."""

    def update(self, **kwargs: Any) -> NoReturn:  # Any: Django's own signature
        """Raise ``ImmutableError``."""
        raise ImmutableError

    def delete(self) -> NoReturn:
        """Raise ``ImmutableError``."""
        raise ImmutableError


class Immutable(models.Model):
    """A row that is inserted once and only read afterwards."""

    # bulk_create stays allowed: results arrive with many segments.
    objects = ReachManager.from_queryset(ImmutableQuerySet)()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        """Insert the row; raise ``ImmutableError`` if it exists."""
        if not self._state.adding:
            raise ImmutableError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # Any: as above
        """Raise ``ImmutableError``."""
        raise ImmutableError


class Detection(Immutable):
    """One recording that one scan found.

    Compare scores only within one ``score_scale`` ("0-100:embedded/1"; "none" if the
    engine gives no score). ``ids`` are the cloud's own identifiers.
    """

    scan = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="detections")
    # Protected: evidence must not vanish with a recording.
    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="detections")
    section = models.CharField(max_length=16, choices=Section.choices, default=Section.CUSTOM_FILES)
    # A decimal, because reports must show exactly the stored score.
    score = models.DecimalField(max_digits=5, decimal_places=1, null=True)
    score_scale = models.CharField(max_length=40)
    ids = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="scan__scanned_file__container", buckets="recording__bucket")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["scan", "recording", "section"], name="detection_once_per_scan"
            ),
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=100),
                name="detection_score_range",
            ),
        ]

    def __str__(self) -> str:
        return str(self.recording)


class SegmentManager(ReachManager.from_queryset(ImmutableQuerySet)):  # type: ignore[misc]
    """Returns segments with the estimate of speech over each."""

    def get_queryset(self) -> ImmutableQuerySet:
        """Read the estimate with the segment, because nearly every reader shows it."""
        segments: ImmutableQuerySet = super().get_queryset().select_related("speech_estimate")
        return segments


class Segment(Immutable):
    """One aligned interval of the source and the reference.

    ``tempo_ratio`` is the source's speed relative to the reference, ``pitch_cents`` its
    pitch shift. ``track`` is the number of its sound track if that is not the main one. ``low_hz``
    and ``high_hz`` bound the band in which the source plays the reference; null where
    it plays all that the engine hears, or that is unknown.
    """

    detection = models.ForeignKey(Detection, on_delete=models.PROTECT, related_name="segments")
    position = models.PositiveIntegerField()
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    reference_start_ms = models.BigIntegerField()
    reference_end_ms = models.BigIntegerField()
    tempo_ratio = models.DecimalField(max_digits=7, decimal_places=5, null=True)
    pitch_cents = models.DecimalField(max_digits=7, decimal_places=1, null=True)
    score = models.DecimalField(max_digits=5, decimal_places=1, null=True)
    # Of evidence, without a limit: they order what scores 100.
    bits = models.DecimalField(max_digits=9, decimal_places=1, null=True)
    aligned_landmarks = models.PositiveIntegerField(null=True)
    expected_by_chance = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    track = models.PositiveSmallIntegerField(null=True)
    low_hz = models.PositiveSmallIntegerField(gettext_lazy("heard from, in Hz"), null=True)
    high_hz = models.PositiveSmallIntegerField(gettext_lazy("heard up to, in Hz"), null=True)

    reach = Path(
        containers="detection__scan__scanned_file__container",
        buckets="detection__recording__bucket",
    )
    objects: ClassVar[SegmentManager] = SegmentManager()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["detection", "position"], name="segment_position_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(start_ms__gte=0, end_ms__gt=models.F("start_ms")),
                name="segment_source_ordered",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    reference_start_ms__gte=0, reference_end_ms__gt=models.F("reference_start_ms")
                ),
                name="segment_reference_ordered",
            ),
        ]

    def __str__(self) -> str:
        return read_interval(self.start_ms, self.end_ms, digits=1)

    @property
    def speech(self) -> Share | None:
        """Return how much of it has speech; None if it was not judged."""
        estimate = getattr(self, "speech_estimate", None)
        return None if estimate is None else estimate.share
