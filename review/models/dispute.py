"""Disputes: objections to claims, and their outcome."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedManager
from base.accounts.reach import Path
from base.common.phrases import lowered
from base.common.uid import uid_field
from review.choices import DisputeCode, DisputeStatus


class Dispute(Dated):
    """One objection to one match, with the date by which it must be answered.

    Missing that date has no effect beyond showing the dispute as overdue.
    """

    uid = uid_field("d")
    match = models.ForeignKey("review.Match", on_delete=models.PROTECT, related_name="disputes")
    code = models.CharField(max_length=20, choices=DisputeCode.choices)
    is_appeal = models.BooleanField(default=False)
    statement = models.TextField(blank=True, default="", max_length=4000)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    status = models.CharField(
        max_length=16, choices=DisputeStatus.choices, default=DisputeStatus.OPEN
    )
    answer = models.TextField(blank=True, default="", max_length=4000)
    answered_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    answered_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="match__scanned_file__container", buckets="match__recording__bucket")
    objects = DatedManager["Dispute"]()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(due_at__gte=models.F("received_at")),
                name="dispute_due_after_received",
            )
        ]
        indexes = [
            models.Index(fields=["status", "due_at"], name="dispute_due"),
            models.Index(fields=["updated_at"], name="dispute_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.get_code_display()} ({lowered(self.get_status_display())})"

    @property
    def is_open(self) -> bool:
        """Return whether the dispute waits for an answer."""
        return self.status == DisputeStatus.OPEN

    @property
    def is_overdue(self) -> bool:
        """Return whether the dispute is still open after its due date."""
        return self.is_open and self.due_at < timezone.now()
