"""Retro searches: looking for recordings in files scanned earlier."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.common.phrases import lowered
from base.common.uid import uid_field
from catalogue.models import Recording
from scanning.choices import RetroStatus


class RetroSearch(models.Model):
    """A search for several recordings, its progress and its result.

    ``reached`` is the key of the last file searched, where an interrupted search
    resumes. Without ``requested_by``, new recordings started the search.
    """

    uid = uid_field("q")
    recordings = models.ManyToManyField(Recording, related_name="retro_searches")
    status = models.CharField(
        max_length=16, choices=RetroStatus.choices, default=RetroStatus.QUEUED
    )
    reached = models.BigIntegerField(default=0)
    files_total = models.PositiveIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    files_unreadable = models.PositiveIntegerField(default=0)
    sound_ms = models.BigIntegerField(default=0)
    busy_ms = models.BigIntegerField(default=0)
    found = models.PositiveIntegerField(
        default=0, help_text=_("Recordings found, counted once per file.")
    )
    message = models.CharField(max_length=500, blank=True, default="")
    requested_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = _("retro searches")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=RetroStatus.values), name="retro_search_status_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.uid} ({lowered(self.get_status_display())})"

    @property
    def case(self) -> str:
        """Return the search's case in the audit trail."""
        return f"retro_search:{self.uid}"

    @property
    def progress(self) -> int:
        """Return the share of files searched, in percent."""
        return min(100, 100 * self.files_done // max(1, self.files_total))

    @property
    def is_open(self) -> bool:
        """Return whether the search waits or runs."""
        return self.status in (RetroStatus.QUEUED, RetroStatus.RUNNING)
