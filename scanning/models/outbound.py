"""Outgoing callbacks and the attempts to deliver them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import PRESENT, Path, ReachManager
from base.common.reading import read_date
from base.common.uid import uid_field
from scanning.choices import DeliveryStatus
from scanning.models.container import Container
from scanning.models.scanned_file import ScannedFile


class OutboundCallback(models.Model):
    """One body for one address; every attempt sends the same body."""

    uid = uid_field("cb")
    container = models.ForeignKey(
        Container,
        on_delete=models.PROTECT,
        related_name="outbound_callbacks",
        limit_choices_to=PRESENT,
    )
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, related_name="outbound_callbacks"
    )
    url = models.URLField(max_length=2000)
    body = models.TextField()
    status = models.CharField(
        max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="container")
    objects = ReachManager["OutboundCallback"]()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["container", "-id"], name="outbound_container")]

    def __str__(self) -> str:
        return f"{self.uid} to {self.url}"


class DeliveryAttempt(models.Model):
    """One delivery attempt: time, duration and answer."""

    callback = models.ForeignKey(
        OutboundCallback, on_delete=models.CASCADE, related_name="attempts"
    )
    at = models.DateTimeField("time")
    duration_ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.CharField(
        "response",
        max_length=500,
        blank=True,
        help_text=_("The error, or the start of the response."),
    )

    reach = Path(containers="callback__container")
    objects = ReachManager["DeliveryAttempt"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.status_code or 'no answer'} at {read_date(self.at, 'full')}"
