"""The scheduled report: which template is run when, and where it is sent."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from common.leases import Leased
from common.uid import new_uid
from reports.models.run import ReportRun
from reports.models.template import ReportTemplate


class Every(models.TextChoices):
    """How often a report is run."""

    DAY = "day", _("Every day")
    WEEK = "week", _("Every Monday")
    MONTH = "month", _("On the first of the month")


class Channel(models.TextChoices):
    """How a report reaches people."""

    EMAIL = "email", _("E-mail")
    WEBHOOK = "webhook", _("Webhook")


class ReportSchedule(models.Model):
    """A template that is run by the clock (UTC) and sent.

    ``last_period`` narrows it to what was found in the day, week or month before.
    ``sent_sha256`` is the hash of the rows that were sent last: the same rows again are
    nothing new.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "rs"), editable=False
    )
    template = models.ForeignKey(
        ReportTemplate, on_delete=models.PROTECT, related_name="schedules"
    )
    every = models.CharField(max_length=8, choices=Every.choices, default=Every.WEEK)
    hour = models.PositiveSmallIntegerField(
        default=8, validators=[MaxValueValidator(23)]
    )
    last_period = models.BooleanField(default=True)
    send_unchanged = models.BooleanField(default=False)
    channel = models.CharField(
        max_length=10, choices=Channel.choices, default=Channel.EMAIL
    )
    recipients = models.JSONField(default=list, blank=True)
    url = models.URLField(max_length=2000, blank=True, default="")
    signing_secret = models.CharField(max_length=200, blank=True, default="")
    next_run_at = models.DateTimeField()
    sent_sha256 = models.CharField(max_length=64, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["next_run_at", "id"]

    def __str__(self) -> str:
        return f"{self.template} ({self.get_every_display()})"

    @property
    def case(self) -> str:
        """Return the name under which the audit trail keeps this schedule."""
        return f"report-schedule:{self.uid}"


class DispatchState(models.TextChoices):
    """Where a scheduled report is on its way."""

    WAITING = "waiting", _("On its way")
    SENT = "sent", _("Sent")
    NOTHING_NEW = "nothing_new", _("Nothing new")
    FAILED = "failed", _("Given up")


class ReportDispatch(Leased):
    """One run of a schedule, on its way to those who get it."""

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "rd"), editable=False
    )
    schedule = models.ForeignKey(
        ReportSchedule, on_delete=models.CASCADE, related_name="dispatches"
    )
    run = models.ForeignKey(ReportRun, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(
        max_length=12, choices=DispatchState.choices, default=DispatchState.WAITING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    next_attempt_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "report dispatches"
        indexes = [
            models.Index(
                fields=["state", "next_attempt_at"], name="report_dispatch_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run} to {self.schedule}"
