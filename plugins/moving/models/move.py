"""Moves of accounts into this portal, and what was read in them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from imports.models import Import, ImportStatus
from scanning.models import CloudAccount


class MovedKind(models.TextChoices):
    """What is moved from an account."""

    BUCKET = "bucket", _("Bucket")
    RECORDING = "recording", _("Recording")
    TRACK = "track", _("Dedup file")
    CONTAINER = "container", _("Container")
    FILE = "file", _("File")
    STREAM = "stream", _("Stream")
    CHANNEL = "channel", _("Live channel")
    DAY = "day", _("Day of plays")
    PROJECT = "project", _("Identification project")
    UNKNOWN = "unknown", _("Unknown content")


class MovedOutcome(models.TextChoices):
    """What became of an object of an account."""

    NEW = "new", _("Moved")
    SAME = "same", _("Here already")
    CHANGED = "changed", _("Updated")
    NOT_MOVED = "not_moved", _("Not moved")


class MoveParts(models.TextChoices):
    """What a person may leave out of a move."""

    RECORDINGS = "recordings", _("Buckets and their recordings")
    FILES = "files", _("Containers, files and results")
    STREAMS = "streams", _("Streams and their plays")
    UNKNOWN = "unknown", _("Unknown content, as a list")


def moves_all() -> list[str]:
    """Return the kinds of a move that leaves nothing out."""
    return list(MoveParts.values)


class MoveIn(Import):
    """A move of an account, or a part of it, into this portal.

    ``cursor`` says where it goes on (``plugins.moving.importing.account_reading``). ``summary`` holds the
    fields of ``plugins.moving.importing.summary.MoveSummary``; it has ``there`` after the check.
    """

    place_field = ""
    concerns_everything = True

    uid = uid_field("mi")
    account = models.ForeignKey(CloudAccount, on_delete=models.PROTECT, related_name="moves")
    parts = models.JSONField(default=moves_all)
    since = models.DateField(_("plays since"), help_text=_("The first day whose plays are moved."))
    cursor = models.JSONField(default=dict, blank=True, editable=False)

    # Accounts concern the whole portal, and only admins see their moves.
    reach = Path(owner="made_by")
    objects = ReachManager["MoveIn"]()

    class Meta(Import.Meta):
        db_table = "imports_movein"

    @property
    def status_label(self) -> str:
        """Return the status as pages show it: a move can stop, and goes on."""
        labels = {
            ImportStatus.CHECKING: _("Looking at the account"),
            ImportStatus.CHECKED: _("Counted; nothing moved yet"),
            ImportStatus.IMPORTING: _("Moving"),
            ImportStatus.DONE: _("Moved"),
            ImportStatus.REFUSED: _("Stopped"),
        }
        status = ImportStatus(self.status)
        return str(labels.get(status, status.label))

    @property
    def case(self) -> str:
        """Return the case of the account."""
        return f"cloud_account:{self.account_id}"


class Moved(models.Model):
    """An object of an account, what it became here, and why it did not move.

    ``theirs`` is a digest of what was read, ``ours`` of what was written, so that a
    repeated move knows on which side something changed. ``parent`` is the remote id of
    the bucket, container or stream that holds it.
    """

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="moved")
    kind = models.CharField(max_length=16, choices=MovedKind.choices)
    remote_id = models.CharField(max_length=100)
    parent = models.CharField(max_length=100, blank=True, default="")
    name = models.CharField(max_length=500, blank=True, default="")
    case = models.CharField(max_length=100, blank=True, default="")
    theirs = models.CharField(max_length=64)
    ours = models.CharField(max_length=64, blank=True, default="")
    callback_url = models.CharField(max_length=2000, blank=True, default="")
    outcome = models.CharField(max_length=16, choices=MovedOutcome.choices)
    code = models.CharField(max_length=40, blank=True, default="")
    text = models.CharField(max_length=1000, blank=True, default="")
    moved_at = models.DateTimeField(auto_now=True)

    # Seen with its account.
    objects = models.Manager["Moved"]()

    class Meta:
        db_table = "imports_moved"
        ordering = ["id"]
        verbose_name_plural = "moved"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "kind", "remote_id"], name="moved_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "code", "kind", "id"], name="moved_code"),
            models.Index(fields=["case"], name="moved_case"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.remote_id} {self.name}"
