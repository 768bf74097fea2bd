"""How platforms and the portal differ, and what has to be compared again."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from django.db import models

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from catalogue.models import Recording
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState
from plugins.claims.models.account import PlatformAccount
from plugins.claims.models.assets import PlatformAsset
from plugins.claims.models.claims import PlatformClaim, PlatformVideo
from review.models import Match
from scanning.models import ScannedFile

Row = TypeVar("Row", bound=models.Model)
OnDelete = Callable[..., None]


def _about(
    model: type[Row], on_delete: OnDelete = models.CASCADE
) -> models.ForeignKey[Row | None, Row | None]:
    """Return the key of a row that a difference may be about."""
    return models.ForeignKey(
        model, on_delete=on_delete, null=True, blank=True, related_name="discrepancies"
    )


class Discrepancy(models.Model):
    """A difference between a platform and the portal; it opens and goes by itself.

    ``key`` names list and subject. ``basis`` is the digest of ``evidence``: a dismissed
    difference opens again when it changes. ``is_weak`` marks what the portal only
    supposes; ``due_on`` is never later than the true day.
    """

    uid = uid_field("pd")
    kind = models.CharField(max_length=16, choices=DiscrepancyKind.choices)
    key = models.CharField(max_length=40, unique=True)
    state = models.CharField(
        max_length=12, choices=DiscrepancyState.choices, default=DiscrepancyState.OPEN
    )
    account = _about(PlatformAccount)
    claim = _about(PlatformClaim)
    asset = _about(PlatformAsset)
    video = _about(PlatformVideo)
    # Rows of files that were sent name the difference.
    match = _about(Match, models.PROTECT)
    recording = _about(Recording)
    scanned_file = _about(ScannedFile)
    evidence = models.JSONField(default=dict)
    basis = models.CharField(max_length=32)
    is_weak = models.BooleanField(default=False)
    views = models.BigIntegerField(default=0)
    due_on = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True, default="")
    dismissed_by = person_field()
    dismissed_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1, editable=False)

    reach = Path(containers="scanned_file__container", buckets="recording__bucket")
    objects = ReachManager["Discrepancy"]()

    class Meta:
        verbose_name_plural = "discrepancies"
        ordering = ["-views", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(claim__isnull=False)
                | models.Q(asset__isnull=False)
                | models.Q(video__isnull=False)
                | models.Q(match__isnull=False)
                | models.Q(recording__isnull=False),
                name="discrepancy_about_something",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["kind", "state", "-views", "id"], name="discrepancy_list"),
            models.Index(fields=["kind", "state", "due_on", "id"], name="discrepancy_due"),
        ]

    def __str__(self) -> str:
        return str(self.claim or self.asset or self.video or self.match or self.recording)

    @property
    def case(self) -> str:
        """Return the case of its own in the audit trail."""
        return f"discrepancy:{self.uid}"


class GroundChange(models.Model):
    """Something that lists stand on has changed; the next comparison follows it.

    Written in the transaction of the change, so that none is lost. ``subject`` is the
    key of a file or recording.
    """

    class Ground(models.TextChoices):
        """What has changed."""

        FILE = "file"
        RECORDING = "recording"

    ground = models.CharField(max_length=12, choices=Ground.choices)
    subject = models.BigIntegerField()

    # A note of the worker, shown nowhere.
    objects = models.Manager["GroundChange"]()

    def __str__(self) -> str:
        return f"{self.ground} {self.subject}"
