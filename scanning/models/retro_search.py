"""Retroactive search: recordings looked for in what was scanned before they came."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import models

from catalogue.models import Recording
from common.leases import Leased
from common.uid import new_uid
from scanning.choices import RetroStatus


class RetroSearch(Leased):
    """Recordings that are looked for together, how far that is, and what was found.

    ``reached`` is the key of the last file looked at: from there a search goes on that
    was interrupted. Without ``requested_by`` it was made for new recordings.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "q"), editable=False
    )
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
        default=0, help_text="Recordings found, counted once in each file."
    )
    cancel_requested = models.BooleanField(default=False)
    message = models.CharField(max_length=500, blank=True, default="")
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

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "retro searches"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=RetroStatus.values),
                name="retro_search_status_known",
            ),
        ]
        indexes = [models.Index(fields=["status", "lease_until"], name="retro_work")]

    def __str__(self) -> str:
        return f"{self.uid} ({self.get_status_display().lower()})"

    @property
    def case(self) -> str:
        """Return the name under which the audit trail keeps this search."""
        return f"retro_search:{self.uid}"

    @property
    def progress(self) -> int:
        """Return the share of files looked at, in per cent."""
        return min(100, 100 * self.files_done // max(1, self.files_total))

    @property
    def is_open(self) -> bool:
        """Tell whether it waits or runs."""
        return self.status in (RetroStatus.QUEUED, RetroStatus.RUNNING)
