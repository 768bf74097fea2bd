"""The scan: one run of one engine over one file."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import models

from accounts.reach import Path, ReachManager
from catalogue.models import Bucket
from common.leases import Leased
from common.uid import new_uid
from scanning.choices import SCAN_ENGINES, ScanStage, ScanStatus
from scanning.models.scanned_file import ScannedFile


class ScanManager(ReachManager["Scan"]):
    """Leaves out the searches for single recordings that came later.

    They say nothing about what else is in a file; ``Scan.all_objects`` has them.
    """

    def get_queryset(self) -> models.QuerySet[Scan]:
        """Return the scans that searched everything there was."""
        return super().get_queryset().filter(retro_search__isnull=True)


class Scan(Leased):
    """What was asked, how it went, and what was searched; never overwritten.

    ``stretches`` lists what no match covers: start_ms, end_ms, kind and the closest
    candidate. ``other_sections`` is what the engine told besides recordings, as it
    told it. ``buckets`` are id and name at the time of the scan.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "s"), editable=False
    )
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, related_name="scans"
    )
    engine = models.CharField(max_length=16, choices=SCAN_ENGINES)
    engine_version = models.CharField(max_length=60, blank=True, default="")
    buckets = models.JSONField(default=list, blank=True)
    also_buckets = models.ManyToManyField(
        Bucket,
        blank=True,
        related_name="+",
        help_text="Searched beside the container's.",
    )
    recordings_searched = models.PositiveIntegerField(default=0)
    status = models.CharField(
        max_length=16, choices=ScanStatus.choices, default=ScanStatus.QUEUED
    )
    stage = models.CharField(
        max_length=20, choices=ScanStage.choices, default=ScanStage.QUEUED
    )
    waited_for = models.BooleanField(
        default=False, help_text="A person waits: it goes before what came in numbers."
    )
    turn = models.BigIntegerField(
        default=0, help_text="Its place among what waits, see scanning.turns."
    )
    progress = models.PositiveSmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    stretches = models.JSONField(default=list, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    other_sections = models.JSONField(default=dict, blank=True)
    no_match_reason = models.CharField(max_length=40, blank=True, default="")
    error_code = models.CharField(max_length=40, blank=True, default="")
    message = models.CharField(max_length=1000, blank=True, default="")
    result_sha256 = models.CharField(max_length=64, blank=True, default="")
    retro_search = models.ForeignKey(
        "scanning.RetroSearch",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="scans",
        help_text="The search for later recordings that found something here.",
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="scanned_file__container")
    objects = ScanManager()
    all_objects = ReachManager["Scan"]()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(progress__lte=100), name="scan_progress_percent"
            ),
            models.UniqueConstraint(
                fields=["scanned_file", "engine"],
                condition=models.Q(status__in=["queued", "running"]),
                name="scan_one_active_per_engine",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "lease_until"], name="scan_work"),
            models.Index(
                fields=["-waited_for", "turn", "id"],
                condition=models.Q(status="queued"),
                name="scan_turns",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.uid} of {self.scanned_file_id}"
