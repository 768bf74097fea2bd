"""Scans: one engine, one file."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, ReachManager
from base.common.reading import read_date
from base.common.uid import uid_field
from catalogue.models import Bucket
from scanning.choices import ACTIVE_SCAN_STATUSES, SCAN_ENGINES, NoMatchReason, ScanStatus
from scanning.models.scanned_file import ScannedFile


class ScanManager(ReachManager["Scan"]):
    """Returns scans within the access limits; ``full()`` leaves out late scans."""

    def full(self) -> models.QuerySet[Scan]:
        """Return the scans that searched all recordings.

        A late scan searched only recordings added later, so it tells nothing about the
        rest of the file.
        """
        return self.get_queryset().filter(retro_search__isnull=True)


class Scan(models.Model):
    """One run of one engine on a file; a rescan makes a new row.

    ``unmatched`` lists intervals with start_ms, end_ms, kind and the closest candidate;
    its column keeps an earlier name. ``other_sections`` keeps sections of the answer
    without recordings. ``buckets`` holds ids and names at the time of the scan. A scan
    by the embedded engine is a job of the kind ``scan``, which decides when it runs.
    """

    uid = uid_field("s")
    scanned_file = models.ForeignKey(ScannedFile, on_delete=models.PROTECT, related_name="scans")
    engine = models.CharField(max_length=16, choices=SCAN_ENGINES)
    engine_version = models.CharField(max_length=60, blank=True, default="")
    buckets = models.JSONField(default=list, blank=True)
    also_buckets = models.ManyToManyField(
        Bucket,
        blank=True,
        related_name="+",
        limit_choices_to=PRESENT,
        help_text=_("Searched in addition to the container's buckets."),
    )
    recordings_searched = models.PositiveIntegerField(default=0)
    catalogue_state = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=_("How many changes of the index the searched copy had followed."),
    )
    status = models.CharField(max_length=20, choices=ScanStatus.choices, default=ScanStatus.QUEUED)
    # JSON, because these lists are only read as a whole.
    unmatched = models.JSONField(default=list, blank=True, db_column="stretches")
    warnings = models.JSONField(default=list, blank=True)
    other_sections = models.JSONField(default=dict, blank=True)
    no_match_reason = models.CharField(
        _("reason for no match"),
        max_length=40,
        choices=NoMatchReason.choices,
        blank=True,
        default="",
    )
    error_code = models.CharField(max_length=40, blank=True, default="")
    message = models.CharField(max_length=1000, blank=True, default="")
    # Recognises a callback that repeats a stored result.
    result_sha256 = models.CharField(max_length=64, blank=True, default="")
    retro_search = models.ForeignKey(
        "scanning.RetroSearch",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="scans",
        help_text=_("The retro search that found something in this file."),
    )
    requested_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="scanned_file__container")
    objects = ScanManager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                # Two requests at once must not scan a file twice with one engine.
                fields=["scanned_file", "engine"],
                condition=models.Q(status__in=ACTIVE_SCAN_STATUSES),
                name="scan_one_active_per_engine",
            )
        ]
        indexes = [
            # Few scans are active among all that ended.
            models.Index(
                fields=["status"],
                condition=models.Q(status__in=ACTIVE_SCAN_STATUSES),
                name="scan_active",
            )
        ]

    def __str__(self) -> str:
        return f"{self.scanned_file}, {read_date(self.created_at, 'moment')}"

    @property
    def engine_label(self) -> str:
        """Return the engine and its version in words.

        Versions are stored as codes: ``embedded/1``, ``acrcloud``, ``acrcloud, imported``.
        """
        version = self.engine_version.removeprefix(self.engine)
        if version and version[0] not in "/,":
            version = f" {version}"
        return f"{self.get_engine_display()}{version.replace('/', ' ', 1)}"
