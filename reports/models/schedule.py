"""Report templates, and the schedules that run and deliver them."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.common.secret_text import unseal
from base.common.uid import uid_field
from reports.models.run import ReportOptions, ReportRun


class ReportTemplate(ReportOptions):
    """A saved report; everybody sees it and may run it."""

    uid = uid_field("q")
    name = models.CharField(max_length=200, unique=True)
    made_by = person_field(verbose_name=_("created by"))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Every(models.TextChoices):
    """How often a report runs."""

    DAY = "day", _("Every day")
    WEEK = "week", _("Every Monday")
    MONTH = "month", _("On the first of the month")


class Channel(models.TextChoices):
    """How a report is delivered."""

    EMAIL = "email", _("Email")
    WEBHOOK = "webhook", _("Webhook")


class ReportSchedule(models.Model):
    """A template that runs at fixed times (UTC) and is delivered.

    ``last_period`` limits it to matches found, or decided, in the previous period.
    ``sent_sha256`` is the hash of the rows delivered last, to detect unchanged rows.
    ``covers_from`` is the first day that no report has covered, whatever has been changed
    since.
    """

    SETTINGS = (
        *("template", "every", "hour", "channel", "recipients", "url"),
        *("last_period", "send_unchanged"),
    )
    """The columns that people set."""

    uid = uid_field("rs")
    template = models.ForeignKey(ReportTemplate, on_delete=models.PROTECT, related_name="schedules")
    every = models.CharField(_("Run"), max_length=8, choices=Every.choices, default=Every.WEEK)
    hour = models.PositiveSmallIntegerField(
        _("Hour (UTC)"), default=8, validators=[MaxValueValidator(23)]
    )
    last_period = models.BooleanField(
        _("Only matches of the previous day, week or month"),
        default=True,
        help_text=_(
            "Of matches decided then if the template has days of decisions, otherwise "
            "of matches found then. Days are those of the template's zone, or of UTC."
        ),
    )
    send_unchanged = models.BooleanField(_("Also send when nothing is new"), default=False)
    channel = models.CharField(
        _("Send by"), max_length=10, choices=Channel.choices, default=Channel.EMAIL
    )
    recipients = models.JSONField(
        _("Email addresses"),
        default=list,
        blank=True,
        help_text=_("Separated by commas or lines."),
    )
    url = models.URLField(
        _("Webhook address"),
        max_length=2000,
        blank=True,
        default="",
        help_text=_(
            "Receives the signed manifest as JSON; the receiver fetches the file with a token."
        ),
    )
    signing_secret_sealed = models.TextField(blank=True, default="")
    next_run_at = models.DateTimeField()
    covers_from = models.DateField(null=True, blank=True)
    sent_sha256 = models.CharField(max_length=64, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["next_run_at", "id"]

    def __str__(self) -> str:
        return f"{self.template} ({self.get_every_display()})"

    @property
    def signing_secret(self) -> str:
        """The key that deliveries are signed with. Raises ``SecretUnreadable``."""
        return unseal(self.signing_secret_sealed) if self.signing_secret_sealed else ""

    @property
    def case(self) -> str:
        """Return the schedule's case in the audit trail."""
        return f"report-schedule:{self.uid}"


class ReportDeliveryState(models.TextChoices):
    """The state of a delivery."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    NOTHING_NEW = "nothing_new", _("Nothing new")
    FAILED = "failed", _("Failed")


class ReportDelivery(models.Model):
    """The delivery of one scheduled run to its recipients.

    ``by_hand`` says that a person asked for it, so it is sent even with nothing new.
    """

    uid = uid_field("rd")
    schedule = models.ForeignKey(
        ReportSchedule, on_delete=models.CASCADE, related_name="deliveries"
    )
    run = models.ForeignKey(ReportRun, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(
        max_length=12, choices=ReportDeliveryState.choices, default=ReportDeliveryState.WAITING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    by_hand = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        # The name of the table from before the model was renamed.
        db_table = "reports_reportdispatch"
        verbose_name_plural = _("report deliveries")

    def __str__(self) -> str:
        return f"{self.run} to {self.schedule}"
