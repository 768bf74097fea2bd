"""Drops: folders and S3 prefixes whose new files are scanned."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, ReachManager
from base.common.uid import uid_field
from scanning.choices import DropAfterwards, DropInterval, DropItemState
from scanning.models.container import Container
from scanning.models.scanned_file import ScannedFile


class Drop(models.Model):
    """A folder or S3 prefix that is polled, with the state of the last poll.

    ``place`` is the path of the folder, or ``s3://bucket/prefix/``. ``failures`` counts
    failed polls since the last successful one; ``notice`` is a fault that did not stop
    the last poll.
    """

    uid = uid_field("d")
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="drops", limit_choices_to=PRESENT
    )
    name = models.CharField(max_length=200)
    place = models.CharField(max_length=1000, unique=True)
    afterwards = models.CharField(
        _("What happens to a file afterwards"),
        max_length=16,
        choices=DropAfterwards.choices,
        default=DropAfterwards.MOVE,
        help_text=_(
            "A note beside each failed file gives the reason. In a read-only folder, files stay."
        ),
    )
    every_seconds = models.PositiveIntegerField(
        _("How often"), choices=DropInterval.choices, default=DropInterval.MINUTE
    )
    enabled = models.BooleanField(default=True)
    last_poll_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=1000, blank=True, default="")
    notice = models.CharField(max_length=1000, blank=True, default="")
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="container")
    objects = ReachManager["Drop"]()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def interval(self) -> timedelta:
        """Return the usual time between two polls."""
        return timedelta(seconds=self.every_seconds)


class DropFolder(models.Model):
    """The container of a subfolder's files; ``name`` is the first part of their path."""

    drop = models.ForeignKey(Drop, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=255)
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="+", limit_choices_to=PRESENT
    )

    reach = Path(containers="container")
    objects = ReachManager["DropFolder"]()

    class Meta:
        ordering = ["name", "id"]
        verbose_name = _("subfolder of a drop")
        verbose_name_plural = _("subfolders of a drop")
        constraints = [models.UniqueConstraint(fields=["drop", "name"], name="drop_folder_once")]

    def __str__(self) -> str:
        return self.name


class DropItem(models.Model):
    """One file as it lay in a drop: path, size and time (or ETag) identify it.

    ``container`` is where the file is or would be scanned. ``folder`` is the first part
    of the path if no container is assigned to it. ``steady`` says since when the file has
    not changed: seconds of the monotonic clock of each machine that polled.
    ``put_away_at`` is when an ended item was moved or tagged, or had left the drop.
    """

    drop = models.ForeignKey(Drop, on_delete=models.CASCADE, related_name="items")
    identity = models.CharField(max_length=64, editable=False)
    container = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="drop_items")
    path = models.CharField(max_length=1000)
    folder = models.CharField(max_length=255, blank=True, default="")
    size_bytes = models.BigIntegerField()
    state = models.CharField(
        max_length=16, choices=DropItemState.choices, default=DropItemState.WAITING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, null=True, blank=True, related_name="drop_items"
    )
    steady = models.JSONField(default=dict, blank=True)
    first_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    put_away_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="container")
    objects = ReachManager["DropItem"]()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["drop", "identity"], name="drop_item_once")]
        indexes = [
            models.Index(fields=["drop", "state", "-id"], name="drop_item_state"),
            models.Index(
                fields=["drop", "id"],
                condition=models.Q(put_away_at__isnull=True),
                name="drop_item_there",
            ),
        ]

    def __str__(self) -> str:
        return self.path
