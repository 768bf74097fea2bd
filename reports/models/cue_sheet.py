"""What people enter on a file's cue sheet, and where its approval stands."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.reading import read_clock
from base.common.uid import uid_field
from review.programmes.choices import CueUse, MusicOrigin
from scanning.models import ScannedFile


class EntryKind(models.TextChoices):
    """What a person hears in an interval, or only notes about it."""

    MUSIC = "music", _("Music")
    UNKNOWN = "unknown", _("Unknown music")
    NO_MUSIC = "no_music", _("No music")
    NOTE = "note", _("Note only")


class CueEntry(models.Model):
    """What a person hears in an interval of a file; times are milliseconds of the file.

    Music is a cue of its own. No music takes the unknown sound of the interval off the
    sheet, and unknown music leaves it there. A note changes no line. One interval has
    one entry.
    """

    DETAILS = (*("title", "performers", "writers", "publishers", "isrc", "use", "origin", "note"),)
    """What a person knows about the music; ``note`` stands on no sheet."""

    uid = uid_field("ce")
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
    use = models.CharField(max_length=20, choices=CueUse.choices, blank=True, default="")
    origin = models.CharField(max_length=40, choices=MusicOrigin.choices, blank=True, default="")
    note = models.CharField(
        max_length=1000,
        blank=True,
        default="",
        help_text=_("For colleagues; it is on no cue sheet."),
    )
    together = models.CharField(
        max_length=32,
        blank=True,
        default="",
        editable=False,
        help_text=_("The act that named several plays of the same sound."),
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
                fields=["scanned_file", "start_ms", "end_ms"], name="cue_entry_once_an_interval"
            ),
            models.CheckConstraint(condition=Q(start_ms__lt=F("end_ms")), name="cue_entry_ordered"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.get_kind_display())

    @property
    def interval(self) -> tuple[int, int]:
        """Return the start and the end."""
        return self.start_ms, self.end_ms


class EditKind(models.TextChoices):
    """How people arrange the cues that a sheet lists."""

    MOVE = "move", _("Moved")
    MERGE = "merge", _("Merged")
    SPLIT = "split", _("Split")


class SheetEdit(models.Model):
    """One change of how a file's cues are arranged; edits are applied in their order.

    A cue is known by its subject, which is a recording, an entry or a status, and by its
    place, so that an edit outlives rescans. ``other`` is the cue that a merge adds, and
    for a move the cue that comes before it; no subject means the start of the sheet.
    """

    uid = uid_field("se")
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.CASCADE, related_name="sheet_edits"
    )
    kind = models.CharField(max_length=5, choices=EditKind.choices)
    subject = models.CharField(max_length=64)
    title = models.CharField(max_length=500, blank=True, default="")
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    other_subject = models.CharField(max_length=64, blank=True, default="")
    other_title = models.CharField(max_length=500, blank=True, default="")
    other_start_ms = models.PositiveIntegerField(null=True, blank=True)
    other_end_ms = models.PositiveIntegerField(null=True, blank=True)
    at_ms = models.PositiveIntegerField(null=True, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["SheetEdit"]()

    class Meta:
        verbose_name = _("edit of a cue sheet")
        verbose_name_plural = _("edits of cue sheets")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {read_clock(self.start_ms)}"


class SheetState(models.TextChoices):
    """Where the approval of a cue sheet stands."""

    DRAFT = "draft", pgettext_lazy("cue sheet", "Draft")
    SUBMITTED = "submitted", pgettext_lazy("cue sheet", "Submitted")
    RETURNED = "returned", pgettext_lazy("cue sheet", "Returned")
    APPROVED = "approved", pgettext_lazy("cue sheet", "Approved")


class SheetApproval(models.Model):
    """Where the approval of a file's cue sheet stands; a sheet without a row is a draft.

    What was submitted and approved is kept in the statements of the file's sheet. A
    correction of an approved sheet raises ``version``, which is that of its statement.
    """

    scanned_file = models.OneToOneField(
        ScannedFile, on_delete=models.CASCADE, related_name="sheet_approval"
    )
    state = models.CharField(max_length=10, choices=SheetState.choices, default=SheetState.DRAFT)
    version = models.PositiveIntegerField(default=1)
    submitted_by = person_field()
    submitted_at = models.DateTimeField(null=True, blank=True)
    answered_by = person_field()
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

    @property
    def is_open(self) -> bool:
        """Return whether people may change the sheet: nobody waits for its answer."""
        return self.state in {SheetState.DRAFT, SheetState.RETURNED}
