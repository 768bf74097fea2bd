"""What people enter on a file's cue sheet, and where its approval stands."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.reach import Path, ReachManager
from broadcasts.choices import CueUse, MusicOrigin
from common.uid import new_uid
from scanning.models import ScannedFile


class EntryKind(models.TextChoices):
    """What a person hears in an interval that no match names."""

    MUSIC = "music", _("Music")
    UNKNOWN = "unknown", _("Unknown music")
    NO_MUSIC = "no_music", _("No music")


class CueEntry(models.Model):
    """What a person hears in an interval of a file; times are milliseconds of the file.

    Music is a cue of its own. No music takes the unknown sound of the interval off the
    sheet, and unknown music leaves it there. One interval has one entry.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "ce"), editable=False
    )
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.CASCADE, related_name="cue_entries"
    )
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=EntryKind.choices)
    title = models.CharField(max_length=500, blank=True, default="")
    performers = models.JSONField(default=list, blank=True)
    writers = models.JSONField(default=list, blank=True)
    publishers = models.JSONField(default=list, blank=True)
    isrc = models.CharField(max_length=12, blank=True, default="")
    use = models.CharField(
        max_length=20, choices=CueUse.choices, blank=True, default=""
    )
    origin = models.CharField(
        max_length=40, choices=MusicOrigin.choices, blank=True, default=""
    )
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    entered_at = models.DateTimeField(auto_now=True)

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["CueEntry"]()

    class Meta:
        verbose_name = _("entry of a cue sheet")
        verbose_name_plural = _("entries of cue sheets")
        ordering = ["start_ms", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["scanned_file", "start_ms", "end_ms"],
                name="cue_entry_once_an_interval",
            ),
            models.CheckConstraint(
                condition=Q(start_ms__lt=F("end_ms")), name="cue_entry_ordered"
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display())


class SheetState(models.TextChoices):
    """Where the approval of a cue sheet stands."""

    DRAFT = "draft", pgettext_lazy("cue sheet", "Draft")
    SUBMITTED = "submitted", pgettext_lazy("cue sheet", "Submitted")
    RETURNED = "returned", pgettext_lazy("cue sheet", "Returned")
    APPROVED = "approved", pgettext_lazy("cue sheet", "Approved")


class SheetApproval(models.Model):
    """Where the approval of a file's cue sheet stands; a sheet without a row is a draft.

    ``sha256`` is of the sheet's lines when it was submitted, ``lines`` are those of the
    version that was approved last. A correction of an approved sheet raises ``version``.
    """

    scanned_file = models.OneToOneField(
        ScannedFile, on_delete=models.CASCADE, related_name="sheet_approval"
    )
    state = models.CharField(
        max_length=10, choices=SheetState.choices, default=SheetState.DRAFT
    )
    version = models.PositiveIntegerField(default=1)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    # Any: cells of the sheet.
    lines: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(max_length=4000, blank=True, default="")

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["SheetApproval"]()

    class Meta:
        verbose_name = _("approval of a cue sheet")
        verbose_name_plural = _("approvals of cue sheets")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.scanned_file}: {self.get_state_display()}"
