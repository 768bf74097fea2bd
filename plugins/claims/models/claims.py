"""What platforms report of claims, and of videos of our own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.dated import Dated, DatedManager
from base.accounts.reach import Path, ReachManager
from plugins.claims.models.account import Reported
from plugins.claims.models.assets import PlatformAsset
from scanning.models import ScannedFile


class PolicyTerms(models.Model):
    """Where a policy monetises, tracks and blocks, word for word; claims share it."""

    digest = models.CharField(max_length=32, unique=True)
    monetises = models.TextField(blank=True, default="")
    tracks = models.TextField(blank=True, default="")
    blocks = models.TextField(blank=True, default="")

    # Seen with its claims.
    objects = models.Manager["PolicyTerms"]()

    def __str__(self) -> str:
        return self.digest


class PlatformClaim(Reported, Dated):
    """A claim of an asset on a video, as the newest report has it.

    On other platforms than YouTube, ``video_id`` is the ``link_key`` of ``address``.
    ``detail_since`` is the day of the first report with the present status detail,
    ``detail_after`` that of the last report before it that had another one or no claim;
    empty if none is known. ``disputed_on`` is the true day, if a person entered it.
    ``scanned_file`` is the newest file of the video; the comparison keeps it.
    """

    claim_id = models.CharField(max_length=64)
    asset = models.ForeignKey(PlatformAsset, on_delete=models.CASCADE, related_name="claims")
    video_id = models.CharField(max_length=64)
    link_key = models.CharField(max_length=64, editable=False)
    reference_id = models.CharField(max_length=64, blank=True, default="")
    channel_id = models.CharField(max_length=64, blank=True, default="")
    channel = models.CharField(max_length=300, blank=True, default="")
    title = models.CharField(max_length=500, blank=True, default="")
    status = models.CharField(max_length=40)
    status_detail = models.CharField(max_length=100, blank=True, default="")
    origin = models.CharField(max_length=100, blank=True, default="")
    claim_type = models.CharField(max_length=40, blank=True, default="")
    content_type = models.CharField(max_length=60, blank=True, default="")
    views = models.BigIntegerField(default=0)
    # Their unit is not documented, so they stay text.
    matching_duration = models.CharField(max_length=30, blank=True, default="")
    longest_match = models.CharField(max_length=30, blank=True, default="")
    video_seconds = models.PositiveIntegerField(null=True, blank=True)
    terms = models.ForeignKey(
        PolicyTerms, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    claimed_on = models.DateField(null=True, blank=True)
    uploaded_on = models.DateField(null=True, blank=True)
    first_report = models.DateField()
    detail_since = models.DateField()
    detail_after = models.DateField(null=True, blank=True)
    disputed_on = models.DateField(_("day of the dispute"), null=True, blank=True, editable=False)
    # Only the portal's own table has these.
    address = models.CharField(max_length=2000, blank=True, default="")
    dispute_reported_on = models.DateField(_("reported day of the dispute"), null=True, blank=True)
    other_claimant = models.CharField(max_length=200, blank=True, default="")
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, null=True, blank=True, related_name="platform_claims"
    )

    reach = Path(containers="scanned_file__container", buckets="asset__recording__bucket")
    objects = DatedManager["PlatformClaim"]()

    class Meta:
        ordering = ["-views", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "claim_id"], name="platform_claim_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["claim_id"], name="platform_claim_id"),
            models.Index(fields=["link_key"], name="platform_claim_link"),
            models.Index(fields=["updated_at"], name="platform_claim_changed"),
        ]

    def __str__(self) -> str:
        return self.title or self.video_id

    @property
    def video_url(self) -> str:
        """Return the address of the video."""
        return self.address or video_address(self.video_id)


class PlatformVideo(Reported):
    """A video of our own channels, and whether others claim it.

    ``asset`` is the first of its assets. ``other_owners`` and ``another_owner`` are the
    columns of newer and older reports. The comparison keeps ``scanned_file``.
    """

    video_id = models.CharField(max_length=64)
    link_key = models.CharField(max_length=64, editable=False)
    asset = models.ForeignKey(
        PlatformAsset, on_delete=models.SET_NULL, null=True, blank=True, related_name="videos"
    )
    claim_ids = models.CharField(max_length=1000, blank=True, default="")
    channel_id = models.CharField(max_length=64, blank=True, default="")
    title = models.CharField(max_length=500, blank=True, default="")
    views = models.BigIntegerField(default=0)
    privacy_status = models.CharField(max_length=60, blank=True, default="")
    effective_policy = models.CharField(max_length=500, blank=True, default="")
    other_owners = models.CharField(max_length=1000, blank=True, default="")
    another_owner = models.CharField(max_length=100, blank=True, default="")
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, null=True, blank=True, related_name="platform_videos"
    )

    reach = Path(containers="scanned_file__container", buckets="asset__recording__bucket")
    objects = ReachManager["PlatformVideo"]()

    class Meta:
        ordering = ["-views", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "video_id"], name="platform_video_once")
        ]
        indexes: ClassVar = [models.Index(fields=["link_key"], name="platform_video_link")]

    def __str__(self) -> str:
        return self.title or self.video_id

    @property
    def url(self) -> str:
        """Return the address of the video."""
        return video_address(self.video_id)


def video_address(video_id: str) -> str:
    """Return the address of a video."""
    return f"https://www.youtube.com/watch?v={video_id}"
