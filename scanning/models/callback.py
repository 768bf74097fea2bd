"""Callbacks as received, with their outcome."""

from __future__ import annotations

from django.db import models

from base.accounts.reach import PRESENT, Path, ReachManager
from scanning.choices import CallbackOutcome
from scanning.models.cloud_account import CloudAccount
from scanning.models.container import Container
from scanning.models.scanned_file import ScannedFile


class InboundCallback(models.Model):
    """One body posted to a callback address.

    The same body posted again to the same address only counts up. ``body`` is the JSON
    text as received. The address belongs to a container or to a cloud account; for an
    account, the container is unknown until the file is.
    """

    container = models.ForeignKey(
        Container,
        limit_choices_to=PRESENT,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="callbacks",
    )
    account = models.ForeignKey(
        CloudAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="callbacks"
    )
    body = models.TextField()
    # 0 in rows of earlier releases; those of unknown files are deleted within days.
    body_bytes = models.PositiveIntegerField(default=0)
    body_sha256 = models.CharField(max_length=64)
    file_id = models.CharField(max_length=64)
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, null=True, blank=True, related_name="callbacks"
    )
    outcome = models.CharField(
        max_length=16, choices=CallbackOutcome.choices, default=CallbackOutcome.QUEUED
    )
    message = models.CharField(max_length=500, blank=True, default="")
    times_received = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="container")
    objects = ReachManager["InboundCallback"]()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["container", "body_sha256"],
                condition=models.Q(account__isnull=True),
                name="callback_body_once",
            ),
            models.UniqueConstraint(
                fields=["account", "body_sha256"], name="callback_account_body_once"
            ),
        ]
        indexes = [
            models.Index(fields=["outcome", "file_id"], name="callback_waiting"),
            models.Index(fields=["file_id"], name="callback_file"),
            # Counted for every callback whose file is unknown.
            models.Index(
                fields=["account", "container"],
                condition=models.Q(
                    scanned_file__isnull=True,
                    outcome__in=[CallbackOutcome.QUEUED, CallbackOutcome.ORPHAN],
                ),
                name="callback_orphans",
            ),
        ]

    def __str__(self) -> str:
        return f"callback for {self.file_id}"
